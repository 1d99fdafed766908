"""What every test may ask for."""

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def annotations() -> Path:
    """Folder of the benchmarks' real annotation files, which are not part of the project."""
    folder = Path(os.environ.get("CIRQUE_ANNOTATIONS", REPOSITORY.parent / "shared" / "annotations"))
    if not folder.is_dir():
        pytest.skip(f"real annotation files: no folder {folder}; set CIRQUE_ANNOTATIONS to where they are")
    return folder
