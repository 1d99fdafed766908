"""One self-contained page over all tables: sorted and filtered by its own script, with galleries of queries.

The page asks for nothing beyond itself, and its security policy would not let it: no network, no script but its own,
pictures only as data. It can be read without the script, but for the galleries.
"""

import base64
import hashlib
import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from cirque.errors import CirqueError
from cirque.report import chart, figure, layout, page
from cirque.report.gallery import Example, Gallery
from cirque.report.layout import Split

#: Files of this package that the page is made of, besides its code.
PARTS = tuple(page.FOLDER / name for name in ("index.html", "page.css", "index.css", "index.js", "figures.html"))

#: What a method is first compared with.
BASELINE = "image-text"

#: What the tables are filtered by, and the titles of the filters.
FILTERS = {"table": "Tables", "benchmark": "Benchmarks", "backbone": "Backbones", "method": "Methods"}

#: Heading of figures whose paper names no backbone.
UNNAMED = "no backbone named"

Row = Mapping[str, Any]
Pictures = Mapping[str, bytes | None]


@dataclass(frozen=True)
class Shown:
    """A gallery with the pictures of its images; no pictures where the page is to have none."""

    gallery: Gallery
    pictures: Pictures


@dataclass(frozen=True)
class _Section:
    """One split of one table as the template takes it.

    Attributes:
        table: name of the table, as `cirr`.
        benchmark: that was run, or the split's own name where none was.
        name: data set and split.
        split: the figures.
        headline: the column that the papers compare first, if any is in percent.
        link: the table's own page, from where this page lies.
        panels: charts of the headline.
        marks: each source with its sign in the charts.
    """

    table: str
    benchmark: str
    name: str
    split: Split
    headline: str | None
    link: str
    panels: list[dict[str, Any]]
    marks: list[tuple[str, str]]

    @property
    def has_bound(self) -> bool:
        """Whether a bound was measured."""
        return any(line.is_bound for block in self.split.measured_blocks for line in block.lines)


def render(
    tables: Mapping[Path, Sequence[Row]],
    shown: Sequence[Shown],
    settings: Mapping[str, Any],
    at: Path,
    plots: Mapping[Path, str] | None = None,
) -> str:
    """HTML page over some tables and galleries.

    Args:
        tables: rows of `schemas.TABLE` by the file they came from; each has at least one.
        shown: galleries with their pictures, one a benchmark.
        settings: what `cirque.plan.jobs.table_settings` tells of the configuration: labels, bounds, comparability.
        at: where the page will lie; the tables' own pages are linked from there.
        plots: drawing of each plot by the file it came from (`report.figure.to_svg`).

    Raises:
        CirqueError: the tables are of several scales.
    """
    scale = _scale(tables)
    sections = _sections(tables, at)
    rows = [row for of_table in tables.values() for row in of_table]
    counts = Counter(row["verdict"] for row in rows if row["paper"])
    album = _Album()
    galleries = [_gallery(of_benchmark, sections, settings, album) for of_benchmark in shown]
    script = PARTS[3].read_text(encoding="utf-8")
    not_comparable = layout.reasons(rows).get("mini", [""])[0]
    return page.template(PARTS[0].name).render(
        policy=_policy(script),
        css=Markup("\n".join(part.read_text(encoding="utf-8") for part in PARTS[1:3])),
        script=Markup(script),
        scale=scale,
        not_comparable=not_comparable[:1].upper() + not_comparable[1:],
        tally=[(verdict, counts[verdict]) for verdict in page.MEANINGS if counts[verdict]],
        meanings=page.MEANINGS,
        unnamed=UNNAMED,
        reasons={path.stem.removeprefix("table_"): layout.reasons(of_table) for path, of_table in tables.items()},
        sections=sections,
        contents=_contents(sections),
        filters=_filters(sections),
        plots=[_plot(path, svg, at) for path, svg in (plots or {}).items()],
        galleries=galleries,
        pictures=embedded(album.pictures),
        licensed=bool(album.pictures) and bool(settings["comparable"]),
    )


def _scale(tables: Mapping[Path, Sequence[Row]]) -> str:
    """The scale that all tables are of."""
    scales = {str(rows[0]["scale"]): path for path, rows in tables.items()}
    if len(scales) > 1:
        stated = ", ".join(f"{path} of {scale}" for scale, path in scales.items())
        raise CirqueError(f"the tables are of several scales ({stated}); write a page for each")
    return next(iter(scales))


def _policy(script: str) -> str:
    """Content security policy: the page's one script, style within it, pictures as data, and nothing from elsewhere."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    # Charts carry style attributes, which have no digest.
    return f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"


def embedded(value: object) -> Markup:
    """A value as JSON that no reader of HTML takes for a tag, however hostile the texts in it."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c"))


# ---- tables --------------------------------------------------------------------------------------------------------


def _sections(tables: Mapping[Path, Sequence[Row]], at: Path) -> list[_Section]:
    """One section a split, table after table."""
    splits = [(path, split) for path, rows in tables.items() for split in layout.lay_out(rows)]
    # A split that only papers speak of in one table may have been run for another.
    run = {split.title: split.benchmark for _, split in splits if split.benchmark}
    sections = []
    for number, (path, split) in enumerate(splits):
        headline = split.headline
        sections.append(
            _Section(
                table=path.stem.removeprefix("table_"),
                benchmark=split.benchmark or run.get(split.title, split.title),
                name=split.title,
                split=split,
                headline=headline,
                link=quote(os.path.relpath(path.with_suffix(".html"), at.parent)),
                panels=_panels(split, headline, number),
                marks=chart.legend(split.sources),
            )
        )
    return sections


def _contents(sections: Sequence[_Section]) -> dict[str, list[tuple[int, _Section]]]:
    """Sections of each table, with their number from 1."""
    contents: dict[str, list[tuple[int, _Section]]] = {}
    for number, section in enumerate(sections, start=1):
        contents.setdefault(section.table, []).append((number, section))
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
        _note(found["table"], section.table, section.table, measured)
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
        "link": quote(os.path.relpath(path, at.parent)),
        "svg": Markup(figure.inlined(svg, f"plot-{name}")),
    }


# ---- galleries -----------------------------------------------------------------------------------------------------


class _Album:
    """Every distinct picture of the page once, as base64."""

    def __init__(self) -> None:
        self._places: dict[bytes, int] = {}
        self.pictures: list[str] = []

    def add(self, picture: bytes | None) -> int | None:
        """Place of a picture in the page, or None for no picture."""
        if picture is None:
            return None
        if picture not in self._places:
            self._places[picture] = len(self.pictures)
            self.pictures.append(base64.b64encode(picture).decode())
        return self._places[picture]


def _gallery(shown: Shown, sections: Sequence[_Section], settings: Mapping[str, Any], album: _Album) -> dict[str, Any]:
    """A gallery as template and script take it."""
    gallery = shown.gallery
    section = next((section for section in sections if section.split.benchmark == gallery.benchmark), None)
    about = settings["benchmarks"][gallery.benchmark]
    names = sorted(gallery.image_ids)
    places = {name: place for place, name in enumerate(names)}
    data = {
        "methods": [[method, settings["methods"][method]["label"]] for method in gallery.methods],
        "chosen": list(_default_pair(gallery, section)),
        "images": [[name, album.add(shown.pictures.get(name))] for name in names],
        "pairs": [
            {"methods": methods, "counts": [pair.n_won, pair.n_lost, pair.n_equal], "won": pair.won, "lost": pair.lost}
            for methods, pair in gallery.pairs.items()
        ],
        "examples": [_example(example, places) for example in gallery.examples],
    }
    return {
        "benchmark": gallery.benchmark,
        "backbone": settings["backbones"][gallery.backbone]["stands_for"],
        "model": gallery.backbone,
        "name": section.name if section else f"{about['printed_as']} {about['split']}",
        "data": embedded(data),
    }


def _example(example: Example, places: Mapping[str, int]) -> dict[str, Any]:
    """A query as the script takes it: images by their place."""
    return {
        "id": example.query_id,
        "reference": places[example.reference_id],
        "captions": example.captions,
        "group": example.group,
        "candidates": example.n_candidates,
        "answers": {
            method: {"rank": answer.rank, "top": [[places[name], int(is_target)] for name, is_target in answer.top]}
            for method, answer in example.answers.items()
        },
    }


def _default_pair(gallery: Gallery, section: _Section | None) -> tuple[str, str]:
    """The methods compared first: the best by the headline, and Image + Text or, failing that, the next best."""
    blocks = section.split.measured_blocks if section else []
    lines = [line for block in blocks if block.model == gallery.backbone for line in block.lines]
    column = section.headline if section else None
    figures = {line.method: line.measured[column].value for line in lines if column and column in line.measured}
    ordered = sorted(gallery.methods, key=lambda method: -figures.get(method, -1.0))
    best = next(method for method in ordered if method != BASELINE)
    return best, BASELINE if BASELINE in ordered else next(method for method in ordered if method != best)
