"""One self-contained page for a table: chart, figures as the paper lays them out, verdicts, how to trace a figure."""

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from cirque.report import chart, layout
from cirque.report.layout import Measured, Split

FOLDER = Path(__file__).parent

#: Files of this package that the page is made of, besides its code.
PARTS = tuple(FOLDER / name for name in ("page.html", "page.css", "figures.html"))

MEANINGS = {
    "match": "the published figure is within the tolerance of ours or inside our 95 % interval.",
    "differs": "it is neither.",
    "cannot run here": "published, but not measured in this configuration.",
    "mini": "measured at a scale that the papers' figures say nothing about.",
}

#: The works behind a table, by the names in its columns paper and dataset.
WORKS = {
    "SEARLE": "A. Baldrati, L. Agnolucci, M. Bertini, A. Del Bimbo: Zero-Shot Composed Image Retrieval with Textual "
    "Inversion. ICCV 2023 (SEARLE).",
    "LinCIR": "G. Gu, S. Chun, W. Kim, Y. Kang, S. Yun: Language-only Training of Zero-shot Composed Image Retrieval. "
    "CVPR 2024 (LinCIR).",
    "Pic2Word": "K. Saito, K. Sohn, X. Zhang, C.-L. Li, C.-Y. Lee, K. Saenko, T. Pfister: Pic2Word: Mapping Pictures "
    "to Words for Zero-shot Composed Image Retrieval. CVPR 2023 (Pic2Word).",
    "CIRCO": "A. Baldrati, L. Agnolucci, M. Bertini, A. Del Bimbo: Zero-Shot Composed Image Retrieval with Textual "
    "Inversion. ICCV 2023 (CIRCO).",
    "FashionIQ": "H. Wu, Y. Gao, X. Guo, Z. Al-Halah, S. Rennie, K. Grauman, R. Feris: Fashion IQ: A New Dataset "
    "Towards Retrieving Images by Natural Language Feedback. CVPR 2021 (FashionIQ).",
    "GeneCIS": "S. Vaze, N. Carion, I. Misra: GeneCIS: A Benchmark for General Conditional Image Similarity. "
    "CVPR 2023 (GeneCIS).",
    "ImageNet-R": "D. Hendrycks et al.: The Many Faces of Robustness: A Critical Analysis of Out-of-Distribution "
    "Generalization. ICCV 2021 (ImageNet-R).",
    "COCO": "T.-Y. Lin et al.: Microsoft COCO: Common Objects in Context. ECCV 2014 (COCO).",
    "CC3M": "P. Sharma, N. Ding, S. Goodman, R. Soricut: Conceptual Captions: A Cleaned, Hypernymed, Image Alt-text "
    "Dataset For Automatic Image Captioning. ACL 2018 (CC3M).",
    "CIRR": "Z. Liu, C. Rodriguez-Opazo, D. Teney, S. Gould: Image Retrieval on Real-life Images with Pre-trained "
    "Vision-and-Language Models. ICCV 2021 (CIRR).",
    "TIRG": "N. Vo, L. Jiang, C. Sun, K. Murphy, L.-J. Li, L. Fei-Fei, J. Hays: Composing Text and Image for Image "
    "Retrieval: An Empirical Odyssey. CVPR 2019 (TIRG).",
    "Fashion200k": "X. Han, Z. Wu, P. X. Huang, X. Zhang, M. Zhu, Y. Li, Y. Zhao, L. S. Davis: Automatic "
    "Spatially-aware Fashion Concept Discovery. ICCV 2017 (Fashion200k).",
    "MIT-States": "P. Isola, J. J. Lim, E. H. Adelson: Discovering States and Transformations in Image Collections. "
    "CVPR 2015 (MIT-States).",
    "CSS": "N. Vo, L. Jiang, C. Sun, K. Murphy, L.-J. Li, L. Fei-Fei, J. Hays: Composing Text and Image for Image "
    "Retrieval: An Empirical Odyssey. CVPR 2019 (CSS).",
}


def render(
    rows: Sequence[Mapping[str, Any]],
    table: Path,
    charted: str | None = None,
    words: Mapping[str, str] | None = None,
) -> str:
    """HTML page of a table.

    Args:
        rows: of `schemas.TABLE`; at least one.
        table: the file they came from, for the command that traces a figure.
        charted: the column in the chart; by default the one that the papers compare first. What is not in percent is
            not drawn.
        words: what sets a benchmark apart from the others of its split (`layout.labels_of`).
    """
    splits = layout.lay_out(rows, words)
    columns = list(dict.fromkeys(column for split in splits for column in split.columns))
    charted = charted or layout.headline(columns, [split.dataset for split in splits])
    sources = layout.sources(rows)
    reasons = layout.reasons(rows)
    counts = Counter(row["verdict"] for row in rows if row["paper"])
    datasets = list(dict.fromkeys(row["dataset"] for row in rows if row["dataset"]))
    papers = list(dict.fromkeys(row["paper"].removesuffix("-supp") for row in rows if row["paper"]))
    scale = rows[0]["scale"]
    not_comparable = reasons.get("mini", [""])[0]
    not_comparable = not_comparable[:1].upper() + not_comparable[1:]
    return template(PARTS[0].name).render(
        title=f"{', '.join(datasets or sources)}: measured beside published",
        subtitle=f"{', '.join(sources)} · scale {scale}",
        css=PARTS[1].read_text(encoding="utf-8"),
        scale=scale,
        not_comparable=not_comparable,
        tally=[(verdict, counts[verdict]) for verdict in MEANINGS if counts[verdict]],
        charted=charted,
        any_bound=any(row["table"] == layout.BOUND for row in rows),
        marks=chart.legend(sources),
        panels=_panels(splits, charted, sources) if charted else [],
        splits=splits,
        reasons=reasons,
        meanings=MEANINGS,
        trace=_trace(splits, table, charted),
        works=list(dict.fromkeys(WORKS[name] for name in [*papers, *datasets] if name in WORKS)),
    )


def template(name: str) -> jinja2.Template:
    """A template of this folder, with the filters that any of them uses."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters.update(
        percent=percent,
        interval=interval,
        metric_heading=metric_heading,
        css_class=lambda verdict: verdict.replace(" ", "-"),
    )
    return environment.get_template(name)


def percent(value: float) -> str:
    """Two places, as the papers print."""
    return f"{value:.2f}"


def interval(figure: Measured) -> str:
    """Both ends, or nothing."""
    return figure.interval


def metric_heading(metric: str) -> Markup:
    """A metric as a heading: the word behind the underscore of R_subset@1 is set lower, a tag stands below in words."""
    name, tag = layout.in_words(metric)
    kind, at, k = name.partition("@")
    letter, underscore, word = kind.partition("_")
    heading = Markup("{}<sub>{}</sub>{}").format(letter, word, at + k) if underscore else Markup("{}").format(name)
    return heading + Markup('<br><span class="tag">{}</span>').format(tag) if tag else heading


def _panels(splits: Sequence[Split], charted: str, sources: Sequence[str]) -> list[dict[str, Any]]:
    """One chart for each split and backbone of which the charted column was measured."""
    panels: list[dict[str, Any]] = []
    for split in splits:
        blocks = [block for block in split.measured_blocks if any(charted in line.measured for line in block.lines)]
        for block in blocks:
            name = split.title
            title = f"{charted} on {name}, {block.backbone}: the figures stand in the table below"
            svg = chart.panel(block, charted, sources, title, f"panel{len(panels)}")
            panels.append({"backbone": block.backbone, "split": name, "model": block.model, "svg": svg})
    return panels


def _trace(splits: Sequence[Split], table: Path, charted: str | None) -> str:
    """Command that explains one measured figure: that of the last competitor on the first backbone."""
    for split in splits:
        for block in split.measured_blocks:
            column = charted or next(name for line in block.lines for name in line.measured)
            lines = [line for line in block.lines if column in line.measured and not line.is_bound]
            if lines:
                subset, _, metric = column.rpartition(" ")
                method = "" if lines[-1].method == layout.UNNAMED else lines[-1].method
                words = {"benchmark": split.benchmark, "backbone": block.model, "method": method}
                flags = [f"--{name} {shlex.quote(word)}" for name, word in words.items() if word]
                return f"python -m cirque explain {table} {' '.join(flags)} --metric {shlex.quote(metric)}" + (
                    f" --subset '{subset}'" if subset else ""
                )
    return f"python -m cirque explain {table}"
