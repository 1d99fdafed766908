"""One self-contained page over all tables, in the papers' words: sorted and filtered by its own script.

The page asks for nothing beyond itself, and its security policy would not let it: no network, no script but its own. It
can be read without the script. Pages of queries (`cirque.report.queries`) lie beside it and are read when they are
opened.
"""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from cirque.errors import CirqueError
from cirque.report import chart, figure, layout, page, queries
from cirque.report.layout import Split

#: Files of this package that the page is made of, besides its code.
PARTS = tuple(page.FOLDER / name for name in ("index.html", "page.css", "index.css", "index.js", "figures.html"))

#: What the tables are filtered by, and the titles of the filters.
FILTERS = {"table": "Tables", "benchmark": "Benchmarks", "backbone": "Backbones", "method": "Methods"}

#: Headings of the tables that are of several papers, and of none.
SEVERAL, OWN = "Several papers", "Of this project"

#: Heading of figures whose paper names no backbone.
UNNAMED = "no backbone named"

Row = Mapping[str, Any]


@dataclass(frozen=True)
class _Section:
    """One split of one table as the template takes it.

    Attributes:
        table: name of the table, as `cirr`.
        heading: the table in words.
        paper: whose table it is, SEVERAL or OWN.
        benchmark: that was run, or the split's own name where none was.
        name: data set and split.
        split: the figures.
        headline: the column that the papers compare first, if any is in percent.
        link: the table's own page, from where this page lies.
        queries: the benchmark's page of queries, likewise, if there is one.
        panels: charts of the headline.
        marks: each source with its sign in the charts.
    """

    table: str
    heading: str
    paper: str
    benchmark: str
    name: str
    split: Split
    headline: str | None
    link: str
    queries: str | None
    panels: list[dict[str, Any]]
    marks: list[tuple[str, str]]

    @property
    def has_bound(self) -> bool:
        """Whether a bound was measured."""
        return any(line.is_bound for block in self.split.measured_blocks for line in block.lines)


def render(
    tables: Mapping[Path, Sequence[Row]],
    settings: Mapping[str, Any],
    at: Path,
    plots: Mapping[Path, str] | None = None,
    galleries: Mapping[str, Path] | None = None,
) -> str:
    """HTML page over some tables.

    Args:
        tables: rows of `schemas.TABLE` by the file they came from; each has at least one.
        settings: what `cirque.plan.jobs.table_settings` tells of the configuration: words and comparability.
        at: where the page will lie; all other pages are linked from there.
        plots: drawing of each plot by the file it came from (`report.figure.to_svg`).
        galleries: page of queries of each benchmark that has one.

    Raises:
        CirqueError: the tables are of several scales.
    """
    scale = _scale(tables)
    links = {name: _link(path, at) for name, path in (galleries or {}).items()}
    sections = _sections(tables, settings, at, links)
    rows = [row for of_table in tables.values() for row in of_table]
    counts = Counter(row["verdict"] for row in rows if row["paper"])
    script = PARTS[3].read_text(encoding="utf-8")
    not_comparable = layout.reasons(rows).get("mini", [""])[0]
    return page.template(PARTS[0].name).render(
        policy=queries.policy(script),
        css=Markup("\n".join(part.read_text(encoding="utf-8") for part in PARTS[1:3])),
        script=Markup(script),
        scale=scale,
        not_comparable=not_comparable[:1].upper() + not_comparable[1:],
        tally=[(verdict, counts[verdict]) for verdict in page.MEANINGS if counts[verdict]],
        meanings=page.MEANINGS,
        unnamed=UNNAMED,
        reasons={_heading(path, of_table, settings): layout.reasons(of_table) for path, of_table in tables.items()},
        sections=sections,
        contents=_contents(sections),
        filters=_filters(sections),
        plots=[_plot(path, svg, at) for path, svg in (plots or {}).items()],
        galleries={layout.benchmark_name(settings["benchmarks"][name]): link for name, link in links.items()},
    )


def _link(path: Path, at: Path) -> str:
    """Address of a file, from a page."""
    return quote(os.path.relpath(path, at.parent))


def _scale(tables: Mapping[Path, Sequence[Row]]) -> str:
    """The scale that all tables are of."""
    scales = {str(rows[0]["scale"]): path for path, rows in tables.items()}
    if len(scales) > 1:
        stated = ", ".join(f"{path} of {scale}" for scale, path in scales.items())
        raise CirqueError(f"the tables are of several scales ({stated}); write a page for each")
    return next(iter(scales))


def name_of(table: Path) -> str:
    """Name of a table by its file."""
    return table.stem.removeprefix("table_")


def _heading(table: Path, rows: Sequence[Row], settings: Mapping[str, Any]) -> str:
    """A table in words: where it is printed, and what it is about."""
    name = name_of(table)
    subject = settings["tables"].get(name, {}).get("title", name.replace("_", " "))
    printed = layout.sources(rows)
    return f"{' and '.join(printed)}: {subject}" if len(printed) == 1 else subject


def _paper(rows: Sequence[Row]) -> str:
    """Whose table it is: the one paper that prints its figures."""
    papers = {row["paper"].removesuffix("-supp") for row in rows if row["paper"]}
    return next(iter(papers)) if len(papers) == 1 else SEVERAL if papers else OWN


# ---- tables --------------------------------------------------------------------------------------------------------


def _sections(
    tables: Mapping[Path, Sequence[Row]], settings: Mapping[str, Any], at: Path, galleries: Mapping[str, str]
) -> list[_Section]:
    """One section a split, paper after paper: the tables of several first, those of none last."""
    papers = {path: _paper(rows) for path, rows in tables.items()}
    order = list(dict.fromkeys([SEVERAL, *(paper for paper in papers.values() if paper != OWN), OWN]))
    labels = layout.labels_of(settings["benchmarks"])
    splits = [
        (path, split)
        for path in sorted(tables, key=lambda path: order.index(papers[path]))
        for split in layout.lay_out(tables[path], labels)
    ]
    # A split that only papers speak of in one table may have been run for another.
    run = {split.title: split.benchmark for _, split in splits if split.benchmark}
    sections = []
    for number, (path, split) in enumerate(splits):
        headline = split.headline
        benchmark = split.benchmark or run.get(split.title, split.title)
        sections.append(
            _Section(
                table=name_of(path),
                heading=_heading(path, tables[path], settings),
                paper=papers[path],
                benchmark=benchmark,
                name=split.title,
                split=split,
                headline=headline,
                link=_link(path.with_suffix(".html"), at),
                queries=galleries.get(benchmark),
                panels=_panels(split, headline, number),
                marks=chart.legend(split.sources),
            )
        )
    return sections


def _contents(sections: Sequence[_Section]) -> dict[str, dict[str, list[tuple[int, _Section]]]]:
    """Sections of each table of each paper, with their number from 1."""
    contents: dict[str, dict[str, list[tuple[int, _Section]]]] = {}
    for number, section in enumerate(sections, start=1):
        contents.setdefault(section.paper, {}).setdefault(section.heading, []).append((number, section))
    return contents


def _panels(split: Split, headline: str | None, number: int) -> list[dict[str, Any]]:
    """One chart of the headline for each backbone that it was measured on."""
    panels: list[dict[str, Any]] = []
    if headline is None:
        return panels
    blocks = [block for block in split.measured_blocks if any(headline in line.measured for line in block.lines)]
    for place, block in enumerate(blocks):
        title = f"{headline} on {split.title}, {block.backbone}: the figures stand in the table above"
        svg = chart.panel(block, headline, split.sources, title, f"chart{number}-{place}")
        panels.append({"backbone": block.backbone, "model": block.model, "svg": Markup(svg)})
    return panels


def _filters(sections: Sequence[_Section]) -> list[dict[str, Any]]:
    """What can be chosen; values that were measured come before those that are only in print."""
    found: dict[str, dict[str, tuple[str, bool]]] = {name: {} for name in FILTERS}
    for section in sections:
        measured = bool(section.split.measured_blocks)
        _note(found["table"], section.table, section.heading, measured)
        _note(found["benchmark"], section.benchmark, section.name, measured)
        for block in section.split.blocks:
            _note(
                found["backbone"], block.backbone, block.backbone or UNNAMED, any(line.measured for line in block.lines)
            )
            for line in block.lines:
                _note(found["method"], line.method, line.label, bool(line.measured))
    return [_choice(name, title, found[name]) for name, title in FILTERS.items()]


def _note(found: dict[str, tuple[str, bool]], value: str, label: str, measured: bool) -> None:
    """Remember a value by its first label, and whether it was measured anywhere."""
    first, before = found.get(value, (label, False))
    found[value] = (first, before or measured)


def _choice(name: str, title: str, values: Mapping[str, tuple[str, bool]]) -> dict[str, Any]:
    """One filter as the template takes it."""
    measured, printed = (
        [(value, label) for value, (label, was_measured) in values.items() if was_measured is wanted]
        for wanted in (True, False)
    )
    return {"name": name, "title": title, "measured": measured, "printed": printed}


# ---- plots ---------------------------------------------------------------------------------------------------------


def _plot(path: Path, svg: str, at: Path) -> dict[str, Any]:
    """One plot as the template takes it: title, drawing, and the file itself from where the page lies."""
    name = path.stem.removeprefix("plot_")
    return {
        "name": name,
        "title": Markup(figure.title_of(svg)),
        "link": _link(path, at),
        "svg": Markup(figure.inlined(svg, f"plot-{name}")),
    }
