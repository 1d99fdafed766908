"""The one exception that reaches a user: a sentence that names the file, the record and the cure."""

from collections.abc import Sequence


class CirqueError(Exception):
    """Bad input or an unmet condition, as one sentence. The command line prints it without a traceback."""


def listed(names: Sequence[object], most: int = 3) -> str:
    """Write the first few of many names for an error message: `a, b, c and 9 more`."""
    shown = ", ".join(str(name) for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
