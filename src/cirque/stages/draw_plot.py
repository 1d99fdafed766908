"""Draw a plot as SVG and write its data."""

import json
from pathlib import Path

from cirque import plots
from cirque.errors import CirqueError
from cirque.progress import say
from cirque.report import figure
from cirque.store import files, schemas


def main(
    *,
    name: str,
    settings: str,
    output: Path,
    data: Path,
    tables: list[Path] | None = None,
    times: list[Path] | None = None,
    pictures: list[Path] | None = None,
    scenes: list[Path] | None = None,
) -> None:
    """Write the drawing and, as Parquet, every figure in it.

    Args:
        name: Of a module of cirque.plots.
        settings: Its entry in the configuration, as JSON.
        output: plot_NAME.svg; refers to nothing outside itself.
        data: plot_NAME.parquet, of the module's SCHEMA.
        tables: Tables that it draws (schemas.TABLE).
        times: What trainings took (schemas.TRAINING_TIMES).
        pictures: Features as pictures (schemas.RECONSTRUCTIONS).
        scenes: Scenes of CSS as pictures (schemas.CSS_SCENES).
    """
    plot = plots.load(name)
    inputs = plots.Inputs(
        json.loads(settings),
        {path: files.read_table(path, schemas.TABLE.names).to_pylist() for path in tables or []},
        files.read_tables(times, schemas.TRAINING_TIMES.names).to_pylist() if times else [],
        files.read_tables(pictures, schemas.RECONSTRUCTIONS.names).to_pylist() if pictures else [],
        files.read_tables(scenes, schemas.CSS_SCENES.names).to_pylist() if scenes else [],
    )
    rows = plot.rows(inputs)
    if not rows:
        raise CirqueError(f"plot {name}: there is nothing to draw; is there a run in its configuration?")
    svg = figure.to_svg(lambda: plot.draw(rows), plot.TITLE)
    files.write_rows(data, rows, plot.SCHEMA)
    files.write_text(output, svg)
    say(f"plot {name}: {len(rows):,} rows, {len(svg.encode()) / 1e3:,.0f} kB")
