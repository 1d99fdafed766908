"""Progress of long work: a bar on a terminal, a line a minute in a log, with rate and time left."""

import sys
from collections.abc import Iterable
from typing import Any, TypeVar, cast

from tqdm import tqdm

T = TypeVar("T")

#: A log gets a line a minute; a terminal is redrawn ten times a second.
SECONDS_BETWEEN_LOG_LINES = 60.0


#: Whether another process speaks for this one.
_silent = False


def silence() -> None:
    """Say nothing more: of several processes that do the same, one speaks. Errors are still said."""
    global _silent  # noqa: PLW0603  (one stage runs in a process)
    _silent = True


class _LogLines:
    """A stream for tqdm that ends each report with a line end instead of overwriting the last one."""

    def write(self, text: str) -> None:
        stripped = text.strip("\r\n ")
        if stripped:
            sys.stderr.write(stripped + "\n")

    def flush(self) -> None:
        sys.stderr.flush()


def progress(
    items: Iterable[T] | None = None,
    *,
    total: int | None = None,
    what: str,
    unit: str = "item",
    initial: int = 0,
) -> "tqdm[T]":
    """Wrap an iterable (or give a counter to `update`) so that its progress shows on standard error."""
    on_terminal = sys.stderr.isatty()
    bar: Any = tqdm(
        items,
        total=total,
        desc=what,
        unit=f" {unit}",
        initial=initial,
        file=sys.stderr if on_terminal else _LogLines(),
        mininterval=0.1 if on_terminal else SECONDS_BETWEEN_LOG_LINES,
        maxinterval=1.0 if on_terminal else SECONDS_BETWEEN_LOG_LINES,
        ncols=None if on_terminal else 100,
        leave=True,
        disable=_silent,
    )
    return cast("tqdm[T]", bar)


def say(message: str) -> None:
    """Write one line to the log."""
    if not _silent:
        print(message, file=sys.stderr, flush=True)
