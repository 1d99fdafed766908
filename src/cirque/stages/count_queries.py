"""Count the queries and candidates of benchmarks."""

from pathlib import Path

from cirque.errors import CirqueError
from cirque.facts import rows as facts
from cirque.progress import say
from cirque.store import files, schemas


def main(
    *,
    benchmarks: list[str],
    titles: list[str],
    splits: list[str],
    queries: list[Path],
    galleries: list[Path],
    output: Path,
) -> None:
    """Write query_images and candidate_images of each benchmark and group (schemas.FACTS).

    Args:
        benchmarks: as configured.
        titles: name of each one's data set in print.
        splits: split of each.
        queries: queries.parquet of each.
        galleries: gallery.parquet of each.
        output: Parquet file to write.
    """
    given = {len(values) for values in (benchmarks, titles, splits, queries, galleries)}
    if len(given) != 1:
        raise CirqueError("count_queries: give as many titles, splits, queries and galleries as benchmarks")
    rows = []
    for name, title, split, asked, offered in zip(benchmarks, titles, splits, queries, galleries, strict=True):
        sizes = facts.set_sizes(
            files.read_table(asked, ["group", "candidate_ids"]), files.read_table(offered, ["group"]), name
        )
        for group, (n_queries, n_candidates) in sizes.items():
            about = {"dataset": title, "split": split, "subset": group}
            rows.append(facts.fact("query_images", n_queries, **about))
            rows.append(facts.fact("candidate_images", n_candidates, **about))
            say(f"{title} {split} {group}".rstrip() + f": {n_queries:,} queries, {n_candidates:,} candidates")
    facts.require_once(rows)
    files.write_rows(output, rows, schemas.FACTS)
