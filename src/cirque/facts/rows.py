"""Figures that need no ranking, as rows.

A fact is a row of schemas.FACTS: what a paper's table states beside its rankings.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from cirque.errors import CirqueError, listed

#: What makes two facts the same figure.
KEY = ("dataset", "split", "subset", "row", "backbone", "metric")


def fact(metric: str, value: float, **about: Any) -> dict[str, Any]:
    """A row of schemas.FACTS; of the other columns, texts are empty and ends of the interval null unless given."""
    blank = {"dataset": "", "split": "", "subset": "", "row": "", "backbone": "", "ci_low": None, "ci_high": None}
    return {**blank, **about, "metric": metric, "value": float(value)}


def require_once(rows: Sequence[dict[str, Any]]) -> None:
    """Refuse two facts about the same thing, of which a table could show but one.

    Raises:
        CirqueError: names the first ones.
    """
    counts = Counter(tuple(row[column] for column in KEY) for row in rows)
    twice = [" ".join(filter(None, key)) for key, count in counts.items() if count > 1]
    if twice:
        raise CirqueError(f"facts: stated twice: {listed(twice)}; give the table one file of each kind")
