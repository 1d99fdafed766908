"""What the texts of a configuration may hold: paths, prompts, names of models. A schema cannot say it in a sentence.

A value becomes one word of a command, whatever it holds, and never a part of a pattern of paths. What cannot be meant
is refused by its key before any job runs.
"""

import os
import re
import string
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

#: Keys whose value is a path in any section: of a file or folder of the user. A `model` is one if it begins like one.
PATHS = frozenset({"data_root", "annotations", "file", "rankings"})
_BEGINS_A_PATH = ("/", "~", ".", "$")

#: Keys whose value is a name: of a library's model, a release's tag, a module.
NAMES = frozenset({"model", "tag", "kind", "trainer", "encoder", "column"})

#: Benchmarks' own prompts: whether each holds the placeholder of the pseudo token.
PROMPTS: Mapping[str, bool] = {"prompt": True, "text_prompt": False}

_PLACEHOLDER = "$"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._/:@+-]*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def texts(section: Any, place: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every text of a configuration, with its keys."""
    if isinstance(section, str):
        yield place, section
    elif isinstance(section, Mapping):
        for key, value in section.items():
            yield from texts(value, (*place, str(key)))
    elif isinstance(section, list | tuple):
        for value in section:
            yield from texts(value, place)


def expanded(config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration with `~` and `$VARIABLE` expanded in its paths, once: rules and stages see what is meant."""

    def whole(section: Any, key: str) -> Any:
        if isinstance(section, Mapping):
            inside = key if key in PATHS else ""
            return {name: whole(value, inside or str(name)) for name, value in section.items()}
        if isinstance(section, str) and _is_path(key, section):
            return os.path.expandvars(Path(section).expanduser()) if section else section
        return section

    return {key: whole(value, key) for key, value in config.items()}


def faults(config: Mapping[str, Any]) -> list[str]:
    """What no text of its kind can mean: a sentence for each, with its key."""
    found = []
    for place, value in texts(config):
        key, where = next((key for key in place if key in PATHS), place[-1]), ".".join(place)
        if _CONTROL.search(value):
            found.append(f"{where}: {value!r} holds a line break or another control character; leave it out")
        elif _is_path(key, value):
            found += _path_faults(where, value)
        elif key in NAMES and not _NAME.fullmatch(value):
            found.append(f"{where}: {value!r} is no name; letters, digits, spaces and . _ / : @ + - are its characters")
        elif key in PROMPTS and place[0] == "benchmarks":
            found += _prompt_faults(where, value, PROMPTS[key])
    return found


def _is_path(key: str, value: str) -> bool:
    return key in PATHS or (key == "model" and value.startswith(_BEGINS_A_PATH))


def _path_faults(where: str, path: str) -> list[str]:
    """Why a path, expanded, is none."""
    strange = sorted(set(path) & set('{}$`*?<>|;"\\'))
    if strange:
        return [
            f"{where}: {path!r} holds {' '.join(strange)}, which no path here may; rename the folder, or link to it"
        ]
    return [f"{where}: {path!r} is no path"] if not path.strip() else []


def _prompt_faults(where: str, prompt: str, with_token: bool) -> list[str]:
    """Why a prompt would lose a query's words or its pseudo token."""
    try:
        fields = [field for _, field, *_ in string.Formatter().parse(prompt) if field is not None]
    except ValueError as error:
        return [f"{where}: {prompt!r} is no prompt ({error}); a brace of its own is written twice"]
    if fields != ["caption"]:
        return [f"{where}: {prompt!r} must hold {{caption}} once, and no other field; a query's words stand there"]
    words = prompt.split()
    alone, all_of_them = words.count(_PLACEHOLDER), prompt.count(_PLACEHOLDER)
    if alone != all_of_them:
        return [f"{where}: {prompt!r}: put spaces around {_PLACEHOLDER}; CLIP reads `$,` as another token"]
    if with_token and not alone:
        return [f"{where}: {prompt!r} has no place for the pseudo token; write {_PLACEHOLDER} where it must stand"]
    if not with_token and alone:
        return [f"{where}: {prompt!r} is of the words alone; leave {_PLACEHOLDER} out"]
    return []
