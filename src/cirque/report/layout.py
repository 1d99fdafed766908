"""Lay a table's figures out as the paper prints them: rows are methods by backbone, columns metrics by subset.

The page and the terminal show the same layout; neither looks at the table's rows itself.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

#: The value of the column `table` for a bound, which is no competitor.
BOUND = "upper bound"

#: What the papers compare first: mAP@5 on CIRCO, the average where there are subsets, elsewhere R@10.
HEADLINES = ("mAP@5", "Average R@10", "Average R_all@10", "Average R@1", "R@10")

#: Of these data sets, which are TIRG's, papers compare first whether the best candidate is right.
BEST_ALONE = frozenset({"CSS", "Fashion200k", "MIT-States"})
HEADLINES_OF_THE_BEST = ("R@1", "accuracy")

#: The subset that is the mean of all others.
AVERAGE = "Average"

#: Label of a figure that is of no method, such as the size of a set.
UNNAMED = "data set"

#: A metric over the queries that carry a tag: `mAP@10[negation]`.
_TAGGED = re.compile(r"(?P<metric>[^\[]+)\[(?P<tag>[^\]]+)\]")

#: Behind the name of a split: its figures over the queries of each tag, such as CIRCO's semantic aspects.
BY_TAG = "by kind of query"

#: Metrics in percent; a fact, such as `query_images`, has a unit of its own.
_PERCENT = re.compile(r"(.*@\d+|accuracy)(\[[a-z_]+\])?|score")


@dataclass(frozen=True)
class Measured:
    """One measured figure; the ends of its interval are None where nothing was sampled."""

    value: float
    low: float | None
    high: float | None
    std: float | None
    n_seeds: int
    in_percent: bool = True

    @property
    def text(self) -> str:
        """The figure as it is shown."""
        return number(self.value, self.in_percent)

    @property
    def interval(self) -> str:
        """Both ends of the interval to one place, of a fact to three; empty where there is none."""
        if self.low is None or self.high is None:
            return ""
        return "–".join(f"{end:.1f}" if self.in_percent else f"{end:.3f}" for end in (self.low, self.high))


@dataclass(frozen=True)
class Published:
    """One figure as a paper prints it, and what ours makes of it."""

    value: float
    std: float | None
    delta: float | None
    verdict: str
    reason: str
    in_percent: bool = True

    @property
    def text(self) -> str:
        """The figure as it is shown."""
        return number(self.value, self.in_percent)


def number(value: float, in_percent: bool) -> str:
    """Two places, as the papers print; of a fact as many as it needs, three at most."""
    if in_percent:
        return f"{value:.2f}"
    return f"{value:,.3f}".rstrip("0").rstrip(".")


def is_percent(column: str) -> bool:
    """Whether the figures of a column, such as `Dress R@10`, are in percent."""
    return _PERCENT.fullmatch(column.rpartition(" ")[2]) is not None


def headline(columns: Sequence[str], datasets: Iterable[str]) -> str | None:
    """The one of some columns that papers compare first; none if none is in percent, or all are of tagged queries.

    Args:
        columns: of one or more splits.
        datasets: that these are of, as printed.
    """
    in_percent = [column for column in columns if is_percent(column) and not in_words(column)[1]]
    sought = HEADLINES_OF_THE_BEST if BEST_ALONE.issuperset(datasets) else HEADLINES
    return next((column for column in sought if column in in_percent), next(iter(in_percent), None))


def in_words(metric: str) -> tuple[str, str]:
    """A metric and the words of its tag: `mAP@10[compare_change]` is mAP@10 and `compare change`; no tag, no words."""
    found = _TAGGED.fullmatch(metric)
    return (found["metric"], found["tag"].replace("_", " ")) if found else (metric, "")


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
    def has_intervals(self) -> bool:
        """Whether any figure has an interval."""
        return any(figure.interval for figure in self.measured.values())

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
    """The methods of one backbone, or the figures that are of none."""

    backbone: str
    model: str | None
    lines: list[Line]

    @property
    def has_heading(self) -> bool:
        """Whether there is a backbone to name, or none because a paper names none and nothing was measured."""
        return bool(self.backbone) or not any(line.measured for line in self.lines)


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
    def title(self) -> str:
        """Data set and split; where there is none, who prints the figures."""
        return " ".join(filter(None, (self.dataset, self.name))) or " and ".join(self.sources)

    @property
    def in_percent(self) -> bool:
        """Whether all figures are in percent."""
        return all(map(is_percent, self.columns))

    @property
    def has_intervals(self) -> bool:
        """Whether any figure has an interval."""
        return any(line.has_intervals for block in self.blocks for line in block.lines)

    @property
    def headline(self) -> str | None:
        """The column that the papers compare first; none where no column is in percent."""
        return headline(self.columns, [self.dataset])

    @property
    def measured_blocks(self) -> list[Block]:
        """The backbones on which anything was measured."""
        return [block for block in self.blocks if any(line.measured for line in block.lines)]


def benchmark_name(entry: Mapping[str, Any]) -> str:
    """A benchmark in words, of its entry in `cirque.plan.jobs.table_settings`: CIRR val, reference kept."""
    return ", ".join(filter(None, (f"{entry['printed_as']} {entry['split']}", entry.get("label", ""))))


def labels_of(benchmarks: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """What sets each benchmark apart from others of its split, in words, where the configuration says it."""
    return {name: entry["label"] for name, entry in benchmarks.items() if entry.get("label")}


def sources(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The tables in print whose figures stand in some rows: SEARLE Table 2."""
    return list(dict.fromkeys(printed_in(row) for row in rows if row["paper"]))


def lay_out(rows: Sequence[Mapping[str, Any]], words: Mapping[str, str] | None = None) -> list[Split]:
    """Group rows of `schemas.TABLE` by split, backbone and method; the measured and published splits first.

    Figures over the queries of a tag follow those over all queries of their split, as a split of their own.
    A method keeps one place on every backbone: that of its first row in the table. A bound comes last.

    Args:
        rows: of one table.
        words: what sets a benchmark apart from the others of its split (`labels_of`); by default its name.
    """
    labels = _labels(rows)
    order = list(dict.fromkeys(map(_key, rows)))
    splits = []
    keys = _split_keys(rows)
    # The figures over tagged queries make a split of their own: beside the others they would be off the page.
    parts = [(*key, bool(in_words(row["metric"])[1])) for key, row in zip(keys, rows, strict=True)]
    for part in sorted(dict.fromkeys(parts), key=lambda part: (keys.index(part[:3]), part[3])):
        of_split = [row for row, own in zip(rows, parts, strict=True) if own == part]
        dataset, name, benchmark, tagged = part
        several = len({other for other in keys if other[:2] == part[:2]}) > 1
        blocks = [
            Block(backbone, model, sorted(lines, key=lambda line: (line.is_bound, order.index(line.method))))
            for (backbone, model), lines in _lines(of_split, labels).items()
        ]
        splits.append(
            Split(
                dataset,
                " ".join(filter(None, (_apart(name, benchmark, words) if several else name, BY_TAG if tagged else ""))),
                benchmark,
                sources(of_split),
                _columns(of_split),
                blocks,
            )
        )
    return splits


def _apart(split: str, benchmark: str, words: Mapping[str, str] | None) -> str:
    """A split of which there are several benchmarks; the papers' own needs no words where the others have some."""
    if words is None:
        return f"{split} ({benchmark})"
    return ", ".join(filter(None, (split, words.get(benchmark, ""))))


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

    A match needs none; what differs is stated with the figure that it is about.
    """
    found: dict[str, dict[str, None]] = {}
    for row in rows:
        if not row["paper"]:
            continue
        of_verdict = found.setdefault(row["verdict"], {})
        if row["verdict"] == "differs":
            figure = f"{_whose(row)} {column(row)}, {printed_in(row)}"
            of_verdict[f"{figure}: {row['reason']}"] = None
        elif row["verdict"] != "match":
            of_verdict[row["reason"]] = None
    return {verdict: list(of_verdict) for verdict, of_verdict in found.items()}


def _whose(row: Mapping[str, Any]) -> str:
    """Method, backbone and split of a figure; the data set where there is no method."""
    of_method = f"{row['row']} on {row['backbone']}" if row["backbone"] else row["row"] or row["dataset"]
    return ", ".join(filter(None, (of_method, row["split"])))


def printed_in(row: Mapping[str, Any]) -> str:
    """A table in print with its paper's name, which is not said twice."""
    paper, table = row["paper"], row["table"]
    return str(table) if table.startswith(f"{paper} ") else f"{paper} {table}"


def _key(row: Mapping[str, Any]) -> str:
    """A method of ours by its id, any other by the name in print; a figure of no method by UNNAMED."""
    return str(row["method"] or row["row"] or UNNAMED)


def _labels(rows: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], str]:
    """Label of each method on each backbone: ours where it was measured alone, else the first in print there."""
    ours = {_key(row): row["row"] or UNNAMED for row in rows if not row["paper"]}
    labels: dict[tuple[str, str], str] = {}
    for row in rows:
        labels.setdefault((row["backbone"], _key(row)), ours.get(_key(row), row["row"] or UNNAMED))
    return labels


def _lines(
    rows: Sequence[Mapping[str, Any]], labels: Mapping[tuple[str, str], str]
) -> dict[tuple[str, str | None], list[Line]]:
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
        line = lines.setdefault(key, Line(key, labels[row["backbone"], key], row["table"] == BOUND))
        _add(line, row)
    return {key: list(lines.values()) for key, lines in blocks.items()}


def _add(line: Line, row: Mapping[str, Any]) -> None:
    """Put one figure in its place."""
    in_percent = is_percent(row["metric"])
    if row["measured"] is not None:
        figure = Measured(row["measured"], row["ci_low"], row["ci_high"], row["std"], row["n_seeds"], in_percent)
        line.measured[column(row)] = figure
    if row["paper"]:
        source = printed_in(row)
        line.printed_as[source] = row["row"] or line.label
        line.published.setdefault(source, {})[column(row)] = Published(
            row["published"], row["published_std"], row["delta"], row["verdict"], row["reason"], in_percent
        )
    elif row["reason"] not in line.remarks:
        line.remarks.append(row["reason"])
