"""The project's configurations, whole: a scale laid over what the papers say."""

from pathlib import Path
from typing import Any

from cirque.plan.layers import layered, read
from tests.conftest import REPOSITORY


def whole(path: Path) -> dict[str, Any]:
    """A configuration file as the Snakefile sees it."""
    return layered(read(path), REPOSITORY / "config/papers.yaml")


def configured(name: str) -> dict[str, Any]:
    """`config` (the mini scale) or `paper`."""
    return whole(REPOSITORY / f"config/{name}.yaml")
