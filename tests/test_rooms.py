"""The rooms of the house: CONTRIBUTING.md lists them in an order, and imports go up that list."""

import ast
import re
from pathlib import Path

import cirque
from tests.conftest import REPOSITORY

PACKAGE = Path(cirque.__file__).parent
MAP = REPOSITORY / "CONTRIBUTING.md"


def rooms() -> list[str]:
    """Rooms in the order of the map."""
    section = MAP.read_text(encoding="utf-8").partition("| room | holds |")[2].partition("\n\n")[0]
    return re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)


def room(module: str) -> str:
    """Room of a module; the ground is the empty room."""
    name = module.split(".")[1] if "." in module else ""
    return name if (PACKAGE / name).is_dir() else ""


def imported(file: Path) -> set[str]:
    """Rooms that a module imports from, wherever in it the import stands."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "cirque":
            found |= {room(f"{node.module}.{alias.name}") for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {room(alias.name) for alias in node.names if alias.name.split(".")[0] == "cirque"}
    return found


def test_the_map_names_every_room_once():
    folders = {folder.name for folder in PACKAGE.iterdir() if (folder / "__init__.py").is_file()}
    assert sorted(rooms()) == sorted(folders)


def test_imports_go_up_the_map():
    floor = {name: place for place, name in enumerate(["", *rooms()])}
    down = [
        f"{file.relative_to(PACKAGE)} imports from {other}"
        for file in sorted(PACKAGE.rglob("*.py"))
        if file.parent != PACKAGE
        for other in sorted(imported(file))
        if floor[other] > floor[file.relative_to(PACKAGE).parts[0]]
    ]
    assert not down, "\n".join(down)


def test_the_ground_imports_no_room():
    ground = [file for file in sorted(PACKAGE.glob("*.py")) if file.stem != "__main__"]
    assert ground
    assert not {file.name: imported(file) - {""} for file in ground if imported(file) - {""}}
