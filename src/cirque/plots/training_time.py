"""What a method's training costs against what it achieves (LinCIR Figures 1 and 4), both measured here.

The time is that of every job between the data or released models and the network φ: SEARLE's holds the inversion of its
training images, its phrases and its features, LinCIR's the tagging of captions, Pic2Word's the images' features.
"""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from cirque.errors import CirqueError
from cirque.plots import Inputs, Row
from cirque.report import figure
from cirque.store import schemas

SCHEMA = schemas.TIMED_SCORES
TITLE = "Training time of each trained method, with all that the training depends on, and the score it reaches"

#: The stage that trains the network itself.
TRAINING = "train_network"

#: Clock of the settings: the column of schemas.TRAINING_TIMES that is drawn, and what the axis calls it.
CLOCKS = {"wall": ("seconds", "wall-clock"), "processor": ("processor_seconds", "processor")}


def rows(inputs: Inputs) -> list[dict[str, Any]]:
    """One row a method, backbone and score; settings: `networks` by method, `scores` (benchmark → metric), `clock`.

    Over several seeds times are means, as the tables' scores are.

    Raises:
        CirqueError: no method is trained, or a score is in none of the tables.
    """
    settings = inputs.settings
    column, _ = CLOCKS[settings["clock"]]
    measured = _scores(inputs)
    found: list[dict[str, Any]] = []
    for method, network in settings["networks"].items():
        for backbone in dict.fromkeys(row["backbone"] for row in inputs.times if row["network"] == network):
            of_network = [row for row in inputs.times if (row["network"], row["backbone"]) == (network, backbone)]
            n_seeds = len({row["seed"] for row in of_network})
            total = sum(row[column] for row in of_network) / n_seeds
            own = sum(row[column] for row in of_network if row["step"] == TRAINING) / n_seeds
            times = {"clock": settings["clock"], "training_seconds": own, "total_seconds": total}
            for benchmark, metric in settings["scores"].items():
                if (benchmark, metric, backbone, method) not in measured:
                    raise CirqueError(
                        f"plot training_time: no table holds {metric} of {method} on {benchmark} with {backbone};"
                        " name one that does in plots.training_time.tables"
                    )
                found.append({**measured[benchmark, metric, backbone, method], **times})
    if not found:
        raise CirqueError(
            "plot training_time: none of its methods is in run.methods and has a trained network; name one, or leave"
            " the plot out"
        )
    return found


def _scores(inputs: Inputs) -> dict[tuple[str, str, str, str], dict[str, Any]]:
    """Measured figures without subset, by benchmark, metric, backbone and method."""
    columns = [name for name in SCHEMA.names if name in schemas.TABLE.names]
    return {
        (row["benchmark"], row["metric"], row["model"], row["method"]): {
            **{name: row[name] for name in columns},
            "comparable": row["verdict"] != "mini",
        }
        for of_table in inputs.tables.values()
        for row in of_table
        if row["measured"] is not None and not row["subset"]
    }


def draw(rows: Sequence[Row]) -> Figure:
    """One panel a score: time on a logarithmic axis, a colour a method, a mark a backbone."""
    scores = list(dict.fromkeys((row["dataset"], row["split"], row["benchmark"], row["metric"]) for row in rows))
    methods = list(dict.fromkeys(row["method"] for row in rows))
    models = list(dict.fromkeys(row["model"] for row in rows))
    drawing, panels = figure.panels(1, len(scores), height=3.3, n_labels=len(methods) * len(models))
    for (dataset, split, benchmark, metric), axes in zip(scores, panels, strict=True):
        for row in rows:
            if (row["benchmark"], row["metric"]) == (benchmark, metric):
                colour = figure.PALETTE[methods.index(row["method"]) % len(figure.PALETTE)]
                _point(axes, row, colour, figure.MARKS[models.index(row["model"]) % len(figure.MARKS)])
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.15g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_title(f"{dataset} {split}", loc="left")
        axes.set_ylabel(f"{metric}, % (broad lines: 95 % interval)")
        axes.set_xlabel(f"training, seconds of {CLOCKS[rows[0]['clock']][1]} time (tick: φ alone)")
        axes.margins(x=0.12, y=0.15)
    figure.legend(drawing, panels[0])
    figure.note_scale(drawing, rows)
    return drawing


def _point(axes: Axes, row: Row, colour: str, mark: str) -> None:
    """One method on one backbone: interval, the way from the last job's time to that of all, and the mark."""
    if row["ci_low"] is not None and row["ci_high"] is not None:
        axes.plot([row["total_seconds"]] * 2, [row["ci_low"], row["ci_high"]], color=colour, linewidth=2.4, alpha=0.4)
    axes.plot([row["training_seconds"], row["total_seconds"]], [row["measured"]] * 2, color=colour, linewidth=0.9)
    axes.plot(row["training_seconds"], row["measured"], "|", color=colour, markersize=8)
    label = f"{row['row']}, {row['model']}"
    axes.plot(row["total_seconds"], row["measured"], mark, color=colour, markersize=7, linestyle="", label=label)
