"""A table's measured figures as Markdown, for a page of the documentation or an issue.

print(show(files.read_table("results/table_circo.parquet", schemas.TABLE.names).to_pylist()))
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cirque.report import layout
from cirque.report.layout import Block, Line, Split


def show(rows: Sequence[Mapping[str, Any]], benchmark: str | None = None) -> str:
    """A grid for each split on which anything was measured: a line a method, and the interval of the headline.

    Args:
        rows: of `schemas.TABLE`.
        benchmark: the only one to show; by default all.
    """
    measured = [
        split for split in layout.lay_out(rows) if split.measured_blocks and benchmark in (None, split.benchmark)
    ]
    return "\n\n".join("\n".join(_grid(split, named=len(measured) > 1)) for split in measured)


def _grid(split: Split, named: bool) -> Iterator[str]:
    """One split; its name stands above where there are several."""
    lines = [(block, line) for block in split.measured_blocks for line in block.lines if line.measured]
    columns = [column for column in split.columns if any(column in line.measured for _, line in lines)]
    headline = split.headline if split.headline in columns and split.has_intervals else None
    spread = any(line.n_seeds > 1 for _, line in lines)
    headings = [*columns, *([f"95 % interval of {headline}"] if headline else []), *(["±"] if spread else [])]
    if named:
        yield f"{split.title}{f' (`{split.benchmark}`)' if split.benchmark and '(' not in split.title else ''}:\n"
    yield f"| backbone | method | {' | '.join(headings)} |"
    yield "|---|---|" + "--:|" * len(headings)
    for block, line in lines:
        cells = [line.measured[column].text if column in line.measured else "–" for column in columns]
        aside = [_interval(line, headline)] if headline else []
        yield _row([_backbone(block), line.label, *cells, *aside, *([_std(line, headline)] if spread else [])])


def _backbone(block: Block) -> str:
    return block.model or "–"


def _interval(line: Line, column: str) -> str:
    return (line.measured[column].interval if column in line.measured else "") or "–"


def _std(line: Line, column: str | None) -> str:
    """Deviation of the headline over seeds."""
    figure = line.measured.get(column or "")
    return "–" if figure is None or figure.std is None else f"{figure.std:.2f}"


def _row(cells: Sequence[str]) -> str:
    """A line of the grid; an upright bar in a name would end its cell."""
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
