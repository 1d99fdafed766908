"""A further member of a family, for a test alone: one file, as a person would add it."""

import importlib
import shutil
import sys
from pathlib import Path

import pytest

from cirque.families import Family


def add(monkeypatch: pytest.MonkeyPatch, folder: Path, family: Family, name: str, text: str) -> None:
    """Let a family have one more member until the test ends.

    Args:
        monkeypatch: of the test.
        folder: an empty one, for a copy of the family's files.
        family: that the member joins.
        name: of its module.
        text: of its file.
    """
    shutil.copytree(family.folder, folder / family.package, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / family.package / f"{name}.py").write_text(text, encoding="utf-8")
    package, full = importlib.import_module(family.package), f"{family.package}.{name}"
    usual = Family.folder.fget
    assert usual is not None
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder / family.package)])
    monkeypatch.setattr(
        Family, "folder", property(lambda self: folder / family.package if self == family else usual(self))
    )
    monkeypatch.setitem(sys.modules, full, None)  # so that the end of the test forgets the module
    del sys.modules[full]
