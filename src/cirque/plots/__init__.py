"""Plots: each module turns tables and settings into rows, and the rows into a drawing.

A new plot is one file here and one entry in the configuration's section `plots`. Its module has `SCHEMA`, the columns
of results/plot_NAME.parquet; `TITLE`, one sentence on what is drawn; `rows(inputs)`; and `draw(rows)`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

import pyarrow as pa
from matplotlib.figure import Figure

from cirque.families import PLOTS

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Inputs:
    """What a plot is made of.

    Attributes:
        settings: its entry in the configuration.
        tables: rows of schemas.TABLE, by the file they came from.
        times: rows of schemas.TRAINING_TIMES.
        pictures: rows of schemas.RECONSTRUCTIONS.
        scenes: rows of schemas.CSS_SCENES.
    """

    settings: Mapping[str, Any]
    tables: Mapping[Path, Sequence[Row]]
    times: Sequence[Row] = ()
    pictures: Sequence[Row] = ()
    scenes: Sequence[Row] = ()


class Plot(Protocol):
    """A module of this package."""

    SCHEMA: pa.Schema
    TITLE: str

    def rows(self, inputs: Inputs) -> list[dict[str, Any]]:
        """Everything that is drawn, one row a mark (rows of SCHEMA)."""

    def draw(self, rows: Sequence[Row]) -> Figure:
        """The drawing."""


def names() -> list[str]:
    """Every plot that there is."""
    return PLOTS.names()


def load(name: str) -> Plot:
    """The module of a plot.

    Raises:
        CirqueError: there is none of that name.
    """
    return cast("Plot", PLOTS.load(name))
