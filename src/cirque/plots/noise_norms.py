"""Norms of the noises that LinCIR compares (its appendix): one sample of each has the length of a caption's feature.

The norm of Gaussian noise hardly varies in so many dimensions; LinCIR's, with its one uniform factor a sample, spreads
from 0 to that of Gaussian noise. Nothing is measured here but the noises themselves: the figure depends on no data.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from cirque import draws
from cirque.facts.modality_gap import PRINTED_AS
from cirque.plots import Inputs, Row
from cirque.report import figure
from cirque.store import schemas
from cirque.training.noise import NOISES

SCHEMA = schemas.NOISE_NORMS
TITLE = "Norms of one sample of each noise, at the dimension of each backbone's features (LinCIR, appendix)"

#: Bins of a histogram, over the norms up to this quantile of all: χ² and Student-t have long tails.
N_BINS = 120
LAST_QUANTILE = 0.995


def rows(inputs: Inputs) -> list[dict[str, Any]]:
    """Norm of every sample of every noise but none; settings: `dims` by backbone, `n_samples`, `seed`."""
    settings = inputs.settings
    return [
        {"backbone": backbone, "dim": dim, "noise": noise, "row": PRINTED_AS[noise], "sample": sample, "norm": norm}
        for backbone, dim in settings["dims"].items()
        for noise in PRINTED_AS
        if noise != "none"
        for sample, norm in enumerate(norms(noise, dim, settings["n_samples"], settings["seed"]))
    ]


def norms(noise: str, dim: int, n_samples: int, seed: int) -> list[float]:
    """Euclidean norm of each sample of a noise (`noise.NOISES`) in `dim` dimensions."""
    generator = draws.generator(seed, "noise norms", noise, dim)
    values, found = np.empty(dim), []
    for _ in range(n_samples):
        NOISES[noise](generator, values)
        found.append(float(np.linalg.norm(values)))
    return found


def draw(rows: Sequence[Row]) -> Figure:
    """One panel a backbone, one histogram a noise, all on one scale."""
    backbones = list(dict.fromkeys((row["backbone"], row["dim"]) for row in rows))
    last = float(np.quantile([row["norm"] for row in rows], LAST_QUANTILE))
    bins = np.linspace(0, last, N_BINS + 1).tolist()
    noises = list(dict.fromkeys(row["row"] for row in rows))
    drawing, panels = figure.panels(len(backbones), 1, height=1.9, n_labels=len(noises))
    for (backbone, dim), axes in zip(backbones, panels, strict=True):
        axes.set_title(f"{backbone}, {dim} dimensions", loc="left")
        for noise, colour in zip(noises, figure.PALETTE, strict=False):
            found = [row["norm"] for row in rows if (row["row"], row["dim"]) == (noise, dim) and row["norm"] <= last]
            axes.hist(found, bins=bins, density=True, histtype="stepfilled", color=colour, alpha=0.3)
            axes.hist(found, bins=bins, density=True, histtype="step", color=colour, linewidth=1.4, label=noise)
        axes.set_ylabel("density, 1 / unit of norm")
        axes.set_xlim(0, last)
    panels[-1].set_xlabel("Euclidean norm of one sample, in units of the features")
    figure.legend(drawing, panels[0])
    return drawing
