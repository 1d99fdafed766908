"""Where a file came from: the code version of a stage, and a record of each run beside its outputs.

Snakemake does not see an edit in an imported package, so each rule carries `code_version(stage)` as a parameter: a
hash of the stage's module and of every module of the package that it imports, directly or not. Comments, docstrings
and layout do not count, so that a better comment costs no GPU day.

Each stage leaves `OUTPUT.run.json` beside what it wrote: command, inputs with checksums, code version, library
versions and machine. `python -m cirque explain` follows these records from a cell of a table to the first input.
"""

import functools
import hashlib
import importlib.metadata
import json
import os
import platform
import re
import resource
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType
from typing import Any

from cirque import families
from cirque.errors import CirqueError
from cirque.store import row_groups

PACKAGE = Path(__file__).parents[1]

#: Libraries whose version can change a number.
RENDERER = "mitsuba"
LIBRARIES = (
    "torch",
    "open_clip_torch",
    "transformers",
    "spacy",
    "numpy",
    "pillow",
    "pyarrow",
    "duckdb",
    "webdataset",
    "snakemake",
)

#: What the stage read for everything that it writes, and what for the part of its work that is under way.
_read: dict[Path, None] = {}
_part: "Part | None" = None

#: Written files of which readers want some groups of rows.
_in_groups: set[Path] = set()

#: Each file that the stage wrote, with what was read for its part of the work alone.
_written: dict[Path, "Part"] = {}


@dataclass
class Part:
    """A part of a stage's work: what it is about, and what was read for it alone."""

    about: dict[str, Any] = field(default_factory=dict)
    read: dict[Path, None] = field(default_factory=dict)


def read(path: Path) -> None:
    """Note that the running stage read `path`."""
    (_read if _part is None else _part.read)[Path(path)] = None


def wrote(path: Path) -> None:
    """Note that the running stage wrote `path`; the record of the file that was there before vouches for it no more."""
    record_path(path).unlink(missing_ok=True)
    _written[Path(path)] = _part or Part()


def wrote_groups(path: Path) -> None:
    """Have the record of a written Parquet file vouch for each group of its rows (`read_in_part`)."""
    _in_groups.add(Path(path))


@contextmanager
def part(**about: Any) -> Iterator[None]:
    """A part of a stage's work: what is read in it concerns the files that are written in it, and no others.

    What is kept from one part for the next must be noted anew with `read`.

    Args:
        **about: what the part is about, for its records.
    """
    global _part  # noqa: PLW0603  (one stage runs in a process)
    _part = Part(about)
    try:
        yield
    finally:
        _part = None


# ---- code version --------------------------------------------------------------------------------------------------


@functools.cache
def _module_file(name: str) -> Path | None:
    """File of a module of this package, or None for anything else."""
    parts = name.split(".")
    if parts[0] != "cirque":
        return None
    base = PACKAGE.joinpath(*parts[1:])
    for candidate in (base.with_suffix(".py"), base / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


#: An import of this package's modules, on one line or in parentheses.
_IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+(?P<module>cirque[\w.]*)[ \t]+import[ \t]+(?P<names>\([^)]*\)|[^\n#]+)"
    r"|import[ \t]+(?P<plain>cirque[\w., \t]*))",
    re.MULTILINE,
)


def _imports(source: str) -> set[str]:
    """Names that a module may import of this package: `from cirque.x import y` is x, and x.y in case y is a module."""
    found: set[str] = set()
    for match in _IMPORT.finditer(source):
        names = re.findall(r"(?:^|[,(\s])([\w.]+)(?:\s+as\s+\w+)?", match["names"] or match["plain"])
        if match["module"]:
            found.add(match["module"])
            found.update(f"{match['module']}.{name}" for name in names)
        else:
            found.update(names)
    return found


def _update(digest: Any, code: CodeType) -> None:
    """Add a code object to a digest: what it does, and neither comments, docstrings nor places of lines."""
    digest.update(code.co_code)
    digest.update(repr((code.co_name, code.co_names, code.co_varnames, code.co_freevars, code.co_flags)).encode())
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            _update(digest, constant)
        else:  # a set has no order of its own
            digest.update(repr(sorted(map(repr, constant)) if isinstance(constant, frozenset) else constant).encode())


@functools.cache
def _parse(file: Path) -> tuple[str, frozenset[str]]:
    """Hash of a module's code and the names of the modules of this package that it imports."""
    source = file.read_text(encoding="utf-8")
    digest = hashlib.sha256()
    _update(digest, compile(source, file.name, "exec", dont_inherit=True, optimize=2))
    ours = frozenset(name for name in _imports(source) if _module_file(name) is not None)
    return digest.hexdigest(), ours


def code_modules(*names: str) -> list[str]:
    """The modules of this package that the given ones import, directly or not, themselves included; sorted."""
    seen: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        file = _module_file(name)
        if name in seen or file is None:
            continue
        seen.add(name)
        waiting.extend(_parse(file)[1])
    # This file and the package's own front say nothing about results.
    return sorted(seen - {"cirque", "cirque.commands", "cirque.stages", "cirque.store.provenance"})


def _module_of(name: str) -> str:
    """Full name of a module of this package, of a stage or of a command."""
    if name.startswith("cirque."):
        return name
    return f"cirque.commands.{name}" if _module_file(f"cirque.commands.{name}") else f"cirque.stages.{name}"


@functools.cache
def code_version(*modules: str) -> str:
    """Twelve digits that change when the code of a stage (`oti`) or module (`cirque.methods.searle`) does.

    Members of families that a stage finds by name at run time are given beside it (`families.loaded`).
    """
    names = [_module_of(name) for name in modules]
    digest = hashlib.sha256()
    for name in code_modules(*names):
        file = _module_file(name)
        assert file is not None
        digest.update(f"{name} {_parse(file)[0]}\n".encode())
    return digest.hexdigest()[:12]


# ---- records -------------------------------------------------------------------------------------------------------


def record_path(path: Path) -> Path:
    """Where the record of a file is kept: beside it."""
    return path.parent / f"{path.name}.run.json"


def read_record(path: Path) -> dict[str, Any] | None:
    """Record of the run that made `path`, or None.

    Raises:
        CirqueError: the record is broken.
    """
    record = record_path(path)
    if not record.is_file():
        return None
    try:
        found: dict[str, Any] = json.loads(record.read_text(encoding="utf-8"))
        if not isinstance(found["output"]["sha256"], str):
            raise TypeError("its checksum is no text")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CirqueError(
            f"{record}: not the record of a run, so nothing vouches for {path.name}; delete both and run Snakemake"
            " again, which makes them anew"
        ) from error
    return found


def cure(path: Path) -> str:
    """What helps against a broken file: to make it anew, if a stage made it; a person's own is never to be deleted."""
    if record_path(path).is_file():
        return "delete it and run Snakemake again, which makes it anew"
    return "no stage of cirque made it, so put a whole file in its place"


def read_unaltered(path: Path) -> None:
    """Note that a file is read whose own format does not notice every flipped bit: JSON, Parquet, a library's model.

    A missing file is left to its reader.

    Raises:
        CirqueError: it is not what the stage that made it wrote, or the record of that is broken.
    """
    read(path)
    known = read_record(path)
    if known and path.is_file() and bytes_sha256(path) != known["output"]["sha256"]:
        raise CirqueError(f"{path}: altered since it was made; {cure(path)}")


def read_in_part(path: Path) -> Callable[[Iterable[int]], None]:
    """Note that groups of rows of a Parquet file are read, once its footer is what the file's record says.

    Of a file of gigabytes the other groups are not read; a file without such a record is compared as a whole.

    Returns:
        What must be called with the numbers of groups before they are read: it compares their bytes, likewise.

    Raises:
        CirqueError: the file is not what the stage that made it wrote, or the record of that is broken.
    """
    known = (read_record(path) or {"output": {}})["output"]
    if "groups" not in known or not path.is_file():
        read_unaltered(path)
        return lambda groups: None
    read(path)

    def require(is_same: bool) -> None:
        if not is_same:
            raise CirqueError(f"{path}: altered since it was made; {cure(path)}")

    def compare(groups: Iterable[int]) -> None:
        with path.open("rb") as stream:
            for group in groups:
                start, length, digest = known["groups"][group]
                stream.seek(start)
                require(hashlib.sha256(stream.read(length)).hexdigest() == digest)

    require(row_groups.footer_sha256(path) == known["footer"])
    return compare


def sha256(path: Path) -> str:
    """SHA-256 of a file, or of the names and contents of a folder's files; reuses a record that is still true."""
    if path.is_dir():
        digest = hashlib.sha256()
        for file in sorted(p for p in path.rglob("*") if p.is_file()):
            digest.update(f"{file.relative_to(path)} {sha256(file)}\n".encode())
        return digest.hexdigest()
    status = path.stat()
    known = None
    with suppress(CirqueError):  # whoever reads the file refuses it; here its bytes are told
        known = read_record(path)
    if known and [status.st_size, status.st_mtime_ns] == known["output"].get("stamp"):
        return str(known["output"]["sha256"])
    return bytes_sha256(path)


def bytes_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes as they lie there now, whatever a record says: for what must not be altered."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _machine() -> dict[str, Any]:
    machine = {
        "system": platform.platform(),
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "processes": int(os.environ.get("WORLD_SIZE", "1")),  # that torchrun started for this training
    }
    if "torch" in sys.modules:  # not worth an import of its own
        import torch  # noqa: PLC0415

        machine["torch_threads"] = torch.get_num_threads()
        machine["gpu"] = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return machine | _computed()


def _computed() -> dict[str, str]:
    """Device and precision that the stage computes with; nothing of one that does without torch."""
    devices = sys.modules.get("cirque.devices")  # which imports torch
    return {} if devices is None else dict(devices.chosen)


def _peak_memory() -> int:
    """Largest resident memory of this process, or of one that it started (MiB)."""
    largest = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return largest // (2**20 if sys.platform == "darwin" else 2**10)  # macOS counts bytes, Linux KiB


def library_versions() -> dict[str, str]:
    """Installed versions of the libraries that can change a number."""
    found = {name: importlib.metadata.version(name) for name in LIBRARIES}
    with suppress(importlib.metadata.PackageNotFoundError):  # what draws CSS in 3D may be missing
        found[RENDERER] = importlib.metadata.version(RENDERER)
    return found


def fingerprint(*modules: str, inputs: Iterable[Path], **settings: Any) -> str:
    """Sixteen digits that change when the result of a stage may: a saved state is taken up only by the same run.

    Args:
        *modules: whose code it is: a stage, as `invert_images`, and what it imports by name.
        inputs: files that the result depends on.
        **settings: whatever else it depends on: settings, seed, kind of device; JSON. What products are computed in
            comes to it by itself.
    """
    everything = settings | {
        "inputs": [sha256(path) for path in inputs],
        "code": code_version(*modules),
        "libraries": library_versions(),
        "computed": _computed(),
    }
    return hashlib.sha256(json.dumps(everything, sort_keys=True).encode()).hexdigest()[:16]


def write_records(stage: str, arguments: list[str], started: float) -> None:
    """Leave `OUTPUT.run.json` beside each file that the stage wrote."""
    found = [name for name in families.loaded() if name != _module_of(stage)]
    common = {
        "stage": stage,
        "command": ["python", "-m", "cirque", stage, *arguments],
        "code_version": code_version(stage, *found),
        "found_by_name": found,
        "libraries": library_versions(),
        "machine": _machine(),
        "seconds": round(time.time() - started, 3),
        "processor_seconds": round(sum(os.times()[:4]), 3),
        "peak_memory_mib": _peak_memory(),
        "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    checksum = functools.cache(sha256)  # many files of one stage have inputs in common
    for path, of_part in _written.items():
        if not path.is_file():
            continue
        inputs = sorted(file for file in {**_read, **of_part.read} if file not in _written and file.exists())
        described = [{"path": str(file), "sha256": checksum(file)} for file in inputs]
        status = path.stat()
        stamp = [status.st_size, status.st_mtime_ns]
        output: dict[str, Any] = {"path": str(path), "sha256": sha256(path), "stamp": stamp}
        if path in _in_groups:
            output |= {"footer": row_groups.footer_sha256(path), "groups": row_groups.sha256(path)}
        partial = path.parent / f".{path.name}.run.json.{os.getpid()}.part"  # as `files.atomic` names it
        record = {"output": output, "part": of_part.about, "inputs": described, **common}
        try:
            partial.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
            partial.replace(record_path(path))
        except OSError as error:
            partial.unlink(missing_ok=True)
            reason = error.strerror or error
            raise CirqueError(f"{record_path(path)}: could not be written ({reason}); nothing was left") from error
