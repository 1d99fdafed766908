"""Domain conversion as bars: each method's recall in each domain, beside what is printed (Pic2Word, ImageNet-R)."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cirque.errors import CirqueError
from cirque.plots import Inputs, Row
from cirque.report import figure, layout
from cirque.store import schemas

SCHEMA = schemas.BARS
TITLE = "Domain conversion: recall of each method in each domain, measured and, as marks, as published"

#: Share of a domain's width that its bars take.
BARS_WIDTH = 0.84


def rows(inputs: Inputs) -> list[dict[str, Any]]:
    """One row a bar, and one more a published figure; settings: `metrics`.

    Raises:
        CirqueError: a metric was measured in no subset of the tables.
    """
    found: list[dict[str, Any]] = []
    for of_table in inputs.tables.values():
        scale = {"scale": of_table[0]["scale"], "comparable": all(row["verdict"] != "mini" for row in of_table)}
        for split in layout.lay_out(of_table):
            for block in split.measured_blocks:
                for line in block.lines:
                    about: dict[str, Any] = {**scale, "dataset": split.dataset, "split": split.name}
                    about |= {"backbone": block.backbone, "model": block.model}
                    about |= {"method": line.method, "row": line.label, "is_bound": line.is_bound}
                    found += _of_line(line, about, inputs.settings["metrics"], split.columns)
    missing = [
        metric
        for metric in inputs.settings["metrics"]
        if not any(row["metric"] == metric and row["source"] == "" for row in found)
    ]
    if missing:
        raise CirqueError(
            f"plot domains: {', '.join(missing)} was measured in no subset of {', '.join(map(str, inputs.tables))}"
        )
    return found


def _of_line(
    line: layout.Line, about: dict[str, Any], metrics: Sequence[str], columns: Sequence[str]
) -> list[dict[str, Any]]:
    """Bars and marks of one method on one backbone; only of methods that were measured."""
    found: list[dict[str, Any]] = []
    for column in columns:
        subset, _, metric = column.rpartition(" ")
        if metric not in metrics or not subset or column not in line.measured:
            continue
        bar = {**about, "subset": subset, "metric": metric}
        ours = line.measured[column]
        found.append({**bar, "source": "", "value": ours.value, "ci_low": ours.low, "ci_high": ours.high})
        for source, printed in line.published.items():
            if column in printed:
                mark = {"source": source, "value": printed[column].value, "ci_low": None, "ci_high": None}
                found.append({**bar, **mark})
    return found


def draw(rows: Sequence[Row]) -> Figure:
    """One panel a backbone and metric, a group of bars a domain."""
    metrics = list(dict.fromkeys(row["metric"] for row in rows))
    models = list(dict.fromkeys((row["model"], row["backbone"]) for row in rows))
    methods = list(dict.fromkeys((row["method"], row["row"], row["is_bound"]) for row in rows))
    domains = list(dict.fromkeys(row["subset"] for row in rows))
    sources = list(dict.fromkeys(row["source"] for row in rows if row["source"]))
    drawing, panels = figure.panels(len(models) * len(metrics), 1, height=1.9, n_labels=len(methods) + len(sources))
    wanted = [(model, backbone, metric) for model, backbone in models for metric in metrics]
    for (model, backbone, metric), axes in zip(wanted, panels, strict=True):
        axes.set_title(f"{backbone}, measured with {model}", loc="left")
        for place, (method, label, is_bound) in enumerate(methods):
            of_method = [row for row in rows if (row["model"], row["metric"], row["method"]) == (model, metric, method)]
            width = BARS_WIDTH / len(methods)
            shift = (place + 0.5) * width - BARS_WIDTH / 2
            colour = figure.BOUND if is_bound else figure.PALETTE[place % len(figure.PALETTE)]
            at = {name: number + shift for number, name in enumerate(domains)}
            _bars(axes, of_method, at, width, colour=colour, label=label, sources=sources)
        axes.set_xticks(range(len(domains)), domains)
        axes.set_ylabel(f"{metric}, %\n(lines: 95 % interval)")
        axes.set_ylim(bottom=0)
        axes.grid(axis="x", visible=False)
    figure.legend(drawing, panels[0])
    figure.note_scale(drawing, rows)
    return drawing


def _bars(
    axes: Axes, rows: Sequence[Row], at: dict[str, float], width: float, *, colour: str, label: str, sources: list[str]
) -> None:
    """Bars of one method with their intervals, and a mark for every published figure."""
    measured = [row for row in rows if not row["source"]]
    axes.bar([at[row["subset"]] for row in measured], [row["value"] for row in measured], width * 0.92,
             color=colour, label=label)  # fmt: skip
    for row in measured:
        if row["ci_low"] is not None and row["ci_high"] is not None:
            axes.plot([at[row["subset"]]] * 2, [row["ci_low"], row["ci_high"]], color=figure.INK, linewidth=0.9)
    for row in rows:
        if row["source"]:
            mark = figure.MARKS_OF_SOURCES[sources.index(row["source"]) % len(figure.MARKS_OF_SOURCES)]
            axes.plot(
                at[row["subset"]], row["value"], mark, markerfacecolor=figure.PAPER, markeredgecolor=figure.PUBLISHED,
                markeredgewidth=1.4, markersize=5, linestyle="", label=f"published, {row['source']}",
            )  # fmt: skip
