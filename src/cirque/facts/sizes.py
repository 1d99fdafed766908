"""Sizes of the sets that rankings are made of: queries and candidates (Pic2Word Supp. Table 1)."""

from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa

from cirque.errors import CirqueError, listed
from cirque.facts.rows import fact
from cirque.progress import say
from cirque.store import files


def state(
    *, benchmarks: list[str], printed_as: list[str], splits: list[str], queries: list[Path], galleries: list[Path]
) -> list[dict[str, Any]]:
    """query_images and candidate_images of each benchmark and group.

    Args:
        benchmarks: as configured.
        printed_as: name of each one's data set in print.
        splits: split of each.
        queries: queries.parquet of each.
        galleries: gallery.parquet of each.
    """
    given = {len(values) for values in (benchmarks, printed_as, splits, queries, galleries)}
    if len(given) != 1:
        raise CirqueError("sizes: give as many printed_as, splits, queries and galleries as benchmarks")
    rows = []
    for name, title, split, asked, offered in zip(benchmarks, printed_as, splits, queries, galleries, strict=True):
        sizes = set_sizes(
            files.read_table(asked, ["group", "candidate_ids"]), files.read_table(offered, ["group"]), name
        )
        for group, (n_queries, n_candidates) in sizes.items():
            about = {"dataset": title, "split": split, "subset": group}
            rows.append(fact("query_images", n_queries, **about))
            rows.append(fact("candidate_images", n_candidates, **about))
            say(f"{title} {split} {group}".rstrip() + f": {n_queries:,} queries, {n_candidates:,} candidates")
    return rows


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
            stated = ", ".join(f"{group} {count:,}" for group, count in asked.items())
            raise CirqueError(f"{where}: groups of unequal size share one gallery ({stated}); leave its sizes out")
        return {"": (next(iter(asked.values())), offered[""])}
    if set(asked) != set(offered):
        raise CirqueError(
            f"{where}: queries are of the groups {listed(sorted(asked)) or 'none'}, the gallery is of"
            f" {listed(sorted(offered)) or 'none'}; make both anew from one data set"
        )
    return {group: (count, offered[group]) for group, count in asked.items()}
