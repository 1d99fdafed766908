"""Figures that need no ranking, and the sizes of the sets that rankings are made of.

    for group, (n_queries, n_candidates) in set_sizes(queries, gallery, "CIRR test1").items(): …

A fact is a row of schemas.FACTS: what a paper's table states beside its rankings.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from cirque.errors import CirqueError, listed

#: What makes two facts the same figure.
KEY = ("dataset", "split", "subset", "row", "backbone", "metric")


def fact(metric: str, value: float, **about: Any) -> dict[str, Any]:
    """A row of schemas.FACTS; of the other columns, texts are empty and ends of the interval null unless told."""
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


# ---- sizes of sets -------------------------------------------------------------------------------------------------


def set_sizes(queries: pa.Table, gallery: pa.Table, where: str) -> dict[str, tuple[int, int]]:
    """Queries and candidates of each group that has a gallery of its own (Pic2Word Supp. Table 1).

    Where all groups share one gallery, as ImageNet-R's domains do, the same images ask in each of them, and the
    queries of one group are counted.

    Args:
        queries: of schemas.QUERIES.
        gallery: of schemas.GALLERY.
        where: benchmark, for messages.

    Returns:
        {group: (number of queries, number of candidates)}; the group is empty where there is but one gallery.

    Raises:
        CirqueError: queries have galleries of their own, groups of unequal size share one gallery, or queries and
            gallery are of other groups.
    """
    if queries["candidate_ids"].null_count < queries.num_rows:
        raise CirqueError(f"{where}: queries have galleries of their own; there is no number of candidates to state")
    asked = Counter(queries["group"].to_pylist())
    offered = Counter(gallery["group"].to_pylist())
    if set(offered) == {""} and asked:
        if len(set(asked.values())) > 1:
            told = ", ".join(f"{group} {count:,}" for group, count in asked.items())
            raise CirqueError(f"{where}: groups of unequal size share one gallery ({told}); leave its sizes out")
        return {"": (next(iter(asked.values())), offered[""])}
    if set(asked) != set(offered):
        raise CirqueError(
            f"{where}: queries are of the groups {listed(sorted(asked)) or 'none'}, the gallery is of"
            f" {listed(sorted(offered)) or 'none'}; make both anew from one data set"
        )
    return {group: (count, offered[group]) for group, count in asked.items()}
