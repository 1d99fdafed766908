"""A configuration in layers: what the papers say, once, and a scale laid over it.

    config = layered(given, Path("config/papers.yaml"))

Sections and their entries are merged key by key; a value of the scale takes the place of the papers'. An entry that is
null in the scale is left out. `like: NAME` takes over the rest of an entry from another one of its section, after the
merge, so that a variant has its scale's sizes. Tables name backbones as the papers do, by what they stand for; of those
that a table has beside its own (`also`) a scale that has none leaves out the rows.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from cirque.errors import CirqueError

#: Of a configuration that stands alone: `papers: null`.
PAPERS = "papers"

#: Takes over the rest of an entry.
LIKE = "like"

#: Sections whose entries may be like another one.
VARIED = ("benchmarks", "captioners", "image_sets", "inversions", "networks", "trainings")


def read(path: Path) -> dict[str, Any]:
    """A layer.

    Raises:
        CirqueError: the file is missing or is no YAML mapping.
    """
    try:
        found = yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except OSError as error:
        raise CirqueError(f"{path}: cannot be read ({error.strerror or error})") from error
    except UnicodeDecodeError as error:
        raise CirqueError(f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8") from error
    except RecursionError as error:
        raise CirqueError(f"{path}: broken YAML: nested too deeply to be read") from error
    except (yaml.YAMLError, ValueError) as error:  # a date or a number that is none is a ValueError
        raise CirqueError(f"{path}: broken YAML: {error}") from error
    if not isinstance(found, dict):
        raise CirqueError(f"{path}: must be a mapping of sections")
    return found


def merged_files(paths: Sequence[Path], papers: Path) -> dict[str, Any]:
    """The whole configuration of some files, the later laid over the earlier, as Snakemake's --configfile merges them.

    Raises:
        CirqueError: as of `read` and `layered`.
    """
    given: dict[str, Any] = {}
    for path in paths:
        given = _over(given, read(path))
    return layered(given, papers)


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """One file over another: mappings key by key; a null stays, for `layered` to see."""
    return {
        **below,
        **{
            key: _over(below[key], value)
            if isinstance(value, Mapping) and isinstance(below.get(key), Mapping)
            else value
            for key, value in above.items()
        },
    }


def layered(given: Mapping[str, Any], papers: Path) -> dict[str, Any]:
    """The whole configuration.

    Args:
        given: the scale, as Snakemake merged it from --configfile and --config.
        papers: the papers' layer; not read if `given` has `papers: null`.

    Raises:
        CirqueError: an entry is like one that there is not, or like itself.
    """
    own = {key: value for key, value in given.items() if key != PAPERS}
    merged = own if PAPERS in given and given[PAPERS] is None else _merged(read(papers), own)
    merged = {name: _resolved(name, section) if name in VARIED else section for name, section in merged.items()}
    if "tables" in merged:
        merged["tables"] = {name: _with_backbones(entry, merged) for name, entry in merged["tables"].items()}
    return merged


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """The upper mapping laid over the lower one; what both hold as mappings is merged, a null removes what is below."""
    merged = dict(below)
    for key, value in above.items():
        if isinstance(value, Mapping) and isinstance(below.get(key), Mapping):
            merged[key] = _merged(below[key], value)
        elif value is None and key in below:
            del merged[key]
        else:
            merged[key] = value
    return merged


def _resolved(section: str, entries: Mapping[str, Any]) -> dict[str, Any]:
    """Entries of a section, each with what it takes over."""

    def whole(name: str, seen: tuple[str, ...]) -> Any:
        entry = entries[name]
        if not isinstance(entry, Mapping) or LIKE not in entry:
            return entry
        base = str(entry[LIKE])
        if base in seen or base == name:
            raise CirqueError(f"{section}.{name}: is like {base}, which is like it in turn; say what it is")
        if base not in entries:
            raise CirqueError(
                f"{section}.{name}.like: there is no {base!r} in {section}, which has {', '.join(entries)}"
            )
        own = {key: value for key, value in entry.items() if key != LIKE}
        return {**whole(base, (*seen, name)), **own}

    return {name: whole(name, ()) for name in entries}


def _with_backbones(entry: Any, config: Mapping[str, Any]) -> Any:
    """A table's entry with configured backbones in place of what they stand for."""
    if not isinstance(entry, Mapping):
        return entry
    found = dict(entry)
    if "backbones" in found:
        found["backbones"] = _backbones(found["backbones"], config)
    if "only" in found:
        found["only"] = {method: _backbones(names, config) for method, names in found["only"].items()}
    if "also" in found:
        found["also"] = {
            own: methods
            for name, methods in found["also"].items()
            for own in _backbones([name], config)
            if own in config.get("backbones", {})
        }
    return found


def _backbones(names: list[str], config: Mapping[str, Any]) -> list[str]:
    """Configured backbones of each name; of several that stand for it, those that all tables run."""
    configured = config.get("backbones", {})
    run = config.get("run", {}).get("backbones", [])
    chosen: list[str] = []
    for name in names:
        standing = [own for own, entry in configured.items() if entry.get("stands_for") == name]
        chosen += [own for own in standing if own in run] or standing or [name]
    return chosen
