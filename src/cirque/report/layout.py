"""Lay a table's figures out as the paper prints them: rows are methods by backbone, columns metrics by subset.

The page and the terminal show the same layout; neither looks at the table's rows itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

#: The value of the column `table` for a bound, which is no competitor.
BOUND = "upper bound"

#: The subset that is the mean of all others.
AVERAGE = "Average"


@dataclass(frozen=True)
class Measured:
    """One measured figure, in percent."""

    value: float
    low: float
    high: float
    std: float | None
    n_seeds: int


@dataclass(frozen=True)
class Published:
    """One figure as a paper prints it, in percent, and what ours makes of it."""

    value: float
    std: float | None
    delta: float | None
    verdict: str
    reason: str


@dataclass
class Line:
    """One method on one backbone and split: figures by column (`R@10`, or `Dress R@10` where there are subsets)."""

    method: str
    label: str
    is_bound: bool
    measured: dict[str, Measured] = field(default_factory=dict)
    #: By source (`SEARLE Table 2`), then by column.
    published: dict[str, dict[str, Published]] = field(default_factory=dict)
    #: The method as each source prints it.
    printed_as: dict[str, str] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)

    @property
    def n_seeds(self) -> int:
        """Seeds behind each figure."""
        return max((figure.n_seeds for figure in self.measured.values()), default=0)

    def verdict(self, source: str) -> str:
        """Verdict over a source's figures: one word, or how many of each."""
        verdicts = [figure.verdict for figure in self.published[source].values()]
        kinds = list(dict.fromkeys(verdicts))
        return kinds[0] if len(kinds) == 1 else ", ".join(f"{verdicts.count(kind)} {kind}" for kind in kinds)


@dataclass
class Block:
    """The methods of one backbone."""

    backbone: str
    model: str | None
    lines: list[Line]


@dataclass
class Split:
    """One split of a data set: what a paper prints as one table."""

    dataset: str
    name: str
    benchmark: str
    sources: list[str]
    columns: list[str]
    blocks: list[Block]

    @property
    def measured_blocks(self) -> list[Block]:
        """The backbones on which anything was measured."""
        return [block for block in self.blocks if any(line.measured for line in block.lines)]


def lay_out(rows: Sequence[Mapping[str, Any]]) -> list[Split]:
    """Group rows of `schemas.TABLE` by split, backbone and method; the measured and published splits first.

    A method keeps one place on every backbone: that of its first row in the table. A bound comes last.
    """
    labels = _labels(rows)
    order = list(labels)
    splits = []
    keys = _split_keys(rows)
    for key in dict.fromkeys(keys):
        of_split = [row for row, own in zip(rows, keys, strict=True) if own == key]
        dataset, name, benchmark = key
        several = len({other for other in keys if other[:2] == key[:2]}) > 1
        blocks = [
            Block(backbone, model, sorted(lines, key=lambda line: (line.is_bound, order.index(line.method))))
            for (backbone, model), lines in _lines(of_split, labels).items()
        ]
        splits.append(
            Split(
                dataset,
                f"{name} ({benchmark})" if several else name,
                benchmark,
                list(dict.fromkeys(_source(row) for row in of_split if row["paper"])),
                _columns(of_split),
                blocks,
            )
        )
    return splits


def _split_keys(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, str]]:
    """Data set, split and benchmark of each row; what no benchmark was run for joins the one beside the papers."""
    beside = {(row["dataset"], row["split"]): row["benchmark"] for row in rows if row["paper"] and row["benchmark"]}
    return [
        (row["dataset"], row["split"], row["benchmark"] or beside.get((row["dataset"], row["split"]), ""))
        for row in rows
    ]


def column(row: Mapping[str, Any]) -> str:
    """Heading of a figure's column: `R@10`, or `Dress R@10` where the queries are of several groups."""
    return " ".join(filter(None, (row["subset"], row["metric"])))


def _columns(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Columns of some rows: by subset, the average last, then by metric, each in order of first appearance."""
    subsets, metrics = (list(dict.fromkeys(row[key] for row in rows)) for key in ("subset", "metric"))
    ordered = sorted(
        rows,
        key=lambda row: (row["subset"] == AVERAGE, subsets.index(row["subset"]), metrics.index(row["metric"])),
    )
    return list(dict.fromkeys(column(row) for row in ordered))


def reasons(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """The distinct reasons behind each verdict, in the table's order.

    A match needs none; what differs is told with the figure that it is about.
    """
    found: dict[str, dict[str, None]] = {}
    for row in rows:
        if not row["paper"]:
            continue
        of_verdict = found.setdefault(row["verdict"], {})
        if row["verdict"] == "differs":
            figure = f"{row['row']} on {row['backbone']}, {row['split']} {column(row)}, {_source(row)}"
            of_verdict[f"{figure}: {row['reason']}"] = None
        elif row["verdict"] != "match":
            of_verdict[row["reason"]] = None
    return {verdict: list(of_verdict) for verdict, of_verdict in found.items()}


def _source(row: Mapping[str, Any]) -> str:
    return f"{row['paper']} {row['table']}"


def _key(row: Mapping[str, Any]) -> str:
    """A method of ours by its id, any other by the name in print."""
    return str(row["method"] or row["row"])


def _labels(rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Label of each method in order of first appearance: ours where it was measured alone, else the first in print."""
    labels: dict[str, str] = {}
    for row in rows:
        labels.setdefault(_key(row), row["row"])
    labels.update({_key(row): row["row"] for row in rows if not row["paper"]})
    return labels


def _lines(rows: Sequence[Mapping[str, Any]], labels: Mapping[str, str]) -> dict[tuple[str, str | None], list[Line]]:
    """Lines of each (backbone, model). What no model was measured for joins its backbone's first model, if any."""
    models: dict[str, str | None] = {}
    for row in rows:
        if row["model"] is not None or row["backbone"] not in models:
            models[row["backbone"]] = models.get(row["backbone"]) or row["model"]
    blocks: dict[tuple[str, str | None], dict[str, Line]] = {}
    for row in rows:
        model = row["model"] or models[row["backbone"]]
        key = _key(row)
        lines = blocks.setdefault((row["backbone"], model), {})
        line = lines.setdefault(key, Line(key, labels[key], row["table"] == BOUND))
        _add(line, row)
    return {key: list(lines.values()) for key, lines in blocks.items()}


def _add(line: Line, row: Mapping[str, Any]) -> None:
    """Put one figure in its place."""
    if row["measured"] is not None:
        figure = Measured(row["measured"], row["ci_low"], row["ci_high"], row["std"], row["n_seeds"])
        line.measured[column(row)] = figure
    if row["paper"]:
        source = _source(row)
        line.printed_as[source] = row["row"]
        line.published.setdefault(source, {})[column(row)] = Published(
            row["published"], row["published_std"], row["delta"], row["verdict"], row["reason"]
        )
    elif row["reason"] not in line.remarks:
        line.remarks.append(row["reason"])
