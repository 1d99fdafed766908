"""What a reader may do with a strange file, and how that is watched: errors, writes, processes, memory.

run(target, folder, b"…")  # raises Fault, or whatever the reader raised and must not
"""

import importlib
import os
import pkgutil
import random
import resource
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from cirque.errors import CirqueError
from tests.fuzz import mutations, targets

#: Address space that a reader may take beside what the process had before (bytes).
MEMORY = 2**30

#: What no reader does: run a program, ask the network, call what a pickle names.
_FORBIDDEN = ("os.system", "os.exec", "os.posix_spawn", "subprocess.Popen", "socket.connect", "pickle.find_class")

#: What changes a folder, with the number of its arguments that are paths.
_CHANGES = {"os.remove": 1, "os.rename": 2, "os.mkdir": 1, "os.rmdir": 1, "os.link": 2, "os.symlink": 2, "os.chmod": 1}

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Fault(Exception):  # noqa: N818  (of the reader, not of the harness)
    """What a reader did and must not do."""


@dataclass(frozen=True)
class Target:
    """A reader and how it is fuzzed.

    Attributes:
        name: of it; unique.
        file: name that the bytes get, of which a reader may know their format.
        seeds: writes what is needed into an empty folder, and gives the contents of some valid files.
        read: reads the file with that name; it asserts what is true of every valid result. It may write below `out`
            beside the file.
        mutate: changes the bytes of a file so that they still look like the format.
        driver: what makes the files that the tests try.
    """

    name: str
    file: str
    seeds: Callable[[Path], list[bytes]]
    read: Callable[[Path], Any]
    mutate: Callable[[bytes, random.Random], bytes] = mutations.of_bytes
    driver: Literal["atheris", "hypothesis"] = "atheris"


def found() -> dict[str, Target]:
    """Every target by name."""
    modules = [
        importlib.import_module(one.name) for one in pkgutil.iter_modules(targets.__path__, f"{targets.__name__}.")
    ]
    every = [target for module in modules for target in module.TARGETS]
    assert len({target.name for target in every}) == len(every)
    return {target.name: target for target in every}


# ---- one run -------------------------------------------------------------------------------------------------------


def run(target: Target, folder: Path, data: bytes) -> bool:
    """Give bytes to a reader; returns whether it took them.

    Args:
        target: the reader.
        folder: that `target.seeds` has seen; nothing else is in it.
        data: content of the file.

    Raises:
        Fault: it left something, wrote elsewhere, ran something, or its error names no file, this one or one beside it.
    """
    file = folder / target.file
    file.write_bytes(data)
    before = set(folder.rglob("*"))
    taken = True
    with _watched(folder) as seen:
        try:
            target.read(file)
        except CirqueError as error:
            taken = False
            if not any(path.name in str(error) for path in before if path.is_file()):
                raise Fault(f"the error names no file: {error}") from error
    if seen:
        raise Fault(f"did what no reader does: {', '.join(seen)}")
    out = folder / "out"
    _require_plain(out)
    left = [path for path in set(folder.rglob("*")) - before if path != out and not path.is_relative_to(out)]
    if left or not file.is_file():
        raise Fault(f"left {left or 'no file'}")
    shutil.rmtree(out, ignore_errors=True)
    return taken


def _require_plain(out: Path) -> None:
    """Refuse anything but whole files that nobody can execute, and folders."""
    for path in out.rglob("*"):
        if path.is_symlink() or not (path.is_dir() or path.is_file()):
            raise Fault(f"made a link or a device, {path}")
        if path.name.startswith(".") and path.name.endswith(".part"):
            raise Fault(f"left half a file, {path}")
        if path.is_file() and path.stat().st_mode & 0o111:
            raise Fault(f"made {path} executable")


# ---- what is watched -----------------------------------------------------------------------------------------------

_inside: Path | None = None
_seen: list[str] = []


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if _inside is None:
        return
    if event in _FORBIDDEN:
        _seen.append(f"{event} {arguments!r:.80}")
    elif event in _CHANGES:
        _seen.extend(f"{event} {path}" for path in arguments[: _CHANGES[event]] if not _is_inside(path))
    elif event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITES and not _is_inside(arguments[0]):
        _seen.append(f"writes {arguments[0]}")


def _is_inside(path: object) -> bool:
    if isinstance(path, int):  # opened before
        return True
    place = Path(os.path.realpath(os.fsdecode(path)))  # type: ignore[arg-type]
    return place == Path(os.devnull) or (_inside is not None and place.is_relative_to(_inside))


@contextmanager
def _watched(folder: Path) -> Iterator[list[str]]:
    """Note what happens outside of a folder."""
    global _inside  # noqa: PLW0603  (a hook of Python's is one for the process)
    _install()
    _seen.clear()
    _inside = Path(os.path.realpath(folder))
    try:
        yield _seen
    finally:
        _inside = None


_installed: list[bool] = []


def _install() -> None:
    if not _installed:
        sys.addaudithook(_hook)
        _installed.append(True)


def limit_memory() -> None:
    """Let this process take MEMORY more than it has now, so that a huge allocation is an error of its own."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * os.sysconf("SC_PAGE_SIZE") + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
