"""What the parsers of official annotation files share: typed values of records, and sentences about what is wrong."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from cirque.errors import CirqueError, listed
from cirque.store import files


def field(where: str, record: object, key: str, kind: type, docs: str) -> Any:
    """A value of a record, which must be there and be of its type.

    Args:
        where: file and record, for the message.
        record: as read from JSON.
        key: of the value.
        kind: int, str, list or dict; a truth value is no int.
        docs: where the person learns how to get the file.

    Raises:
        CirqueError: the record is no dictionary, lacks the key, or holds a value of another type or half a letter.
    """
    if not isinstance(record, dict):
        raise CirqueError(f"{where}: expected a dictionary, found {record!r:.80}")
    if key not in record:
        raise CirqueError(f"{where}: lacks the key {key!r}; get the official file again ({docs})")
    value = record[key]
    if not isinstance(value, kind) or isinstance(value, bool):
        raise CirqueError(f"{where}: {key} must be of type {kind.__name__}, found {value!r:.80}")
    if isinstance(value, str) and any("\ud800" <= letter <= "\udfff" for letter in value):
        raise CirqueError(f"{where}: {key} holds half of a surrogate pair, which is no letter: {value!r:.80}")
    return value


def require_unique(what: str, names: Sequence[str], docs: str) -> None:
    """Refuse a list in which a name occurs twice.

    Args:
        what: file and kind of name, for the message: `cap.json: pair`.
        names: all of them.
        docs: where the person learns how to get the file.
    """
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise CirqueError(f"{what} {name} occurs twice; get the official file again ({docs})")
        seen.add(name)


def by_key(
    source: Path, wanted: Collection[str], kind: type, plural: str, *, what: str, others: bool = False
) -> dict[str, Any]:
    """Read a generated side file: a dictionary that has every wanted key.

    Args:
        source: a JSON file.
        wanted: keys that must be there.
        kind: of each value, str or dict.
        plural: what the keys are, for messages: `pairs`.
        what: what one key is: `pair id`.
        others: whether the file may have other keys too.

    Raises:
        CirqueError: it is no such dictionary, or lacks a key, or has one that is not wanted.
    """
    content = files.read_json(source)
    if not isinstance(content, dict) or not all(isinstance(value, kind) for value in content.values()):
        raise CirqueError(f"{source}: expected a dictionary of {what} to {'text' if kind is str else kind.__name__}")
    missing = sorted(set(wanted) - content.keys())
    unknown = [] if others else sorted(content.keys() - set(wanted))
    if missing or unknown:
        raise CirqueError(
            f"{source}: lacks {len(missing)} of {len(wanted)} {plural} ({listed(missing)}) and has {len(unknown)} "
            f"that the split has not ({listed(unknown)})"
        )
    return dict(content)
