"""Composed features as pictures: reference and target once, then what each method's decoder makes of the query."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest

from cirque import plots
from cirque.css import pictures
from cirque.errors import CirqueError
from cirque.plots import reconstruction
from cirque.report import figure

SETTINGS = {"labels": {"concatenate": "Concatenation", "tirg": "TIRG"}, "scale": "mini", "comparable": False}
KINDS = ("reference", "target", "decoded reference", "decoded target", "decoded query")
TEXTS = {"make brown sphere yellow": "make red circle blue", "remove cyan object": "remove cyan object"}


def decoded(method, height=4, width=6):
    """Rows of schemas.RECONSTRUCTIONS of one method, of two queries; each picture has a gray of its own."""
    return [
        {
            "method": method, "query_id": f"{number}-0", "printed": printed, "text": text, "kind": kind,
            "height": height, "width": width,
            "pixels": pictures.png(np.full((height, width, 3), 40 * place + 10 * number + len(method), dtype=np.uint8)),
        }
        for number, (printed, text) in enumerate(TEXTS.items())
        for place, kind in enumerate(KINDS)
    ]  # fmt: skip


PICTURES = [*decoded("concatenate"), *decoded("tirg")]


def rows(of=PICTURES, settings=SETTINGS):
    return reconstruction.rows(plots.Inputs(settings, {}, pictures=of))


def test_a_query_is_shown_once_and_its_composed_feature_by_each_method():
    found = [(row["query_id"], row["kind"], row["method"], row["row"]) for row in rows()]
    assert found[:4] == [
        ("0-0", "reference", "", "reference"),
        ("0-0", "target", "", "target"),
        ("0-0", "decoded query", "concatenate", "Concatenation"),
        ("0-0", "decoded query", "tirg", "TIRG"),
    ]
    assert [query for query, *_ in found[4:]] == ["1-0"] * 4
    assert set(rows()[0]) == set(reconstruction.SCHEMA.names)


def test_a_picture_that_is_missing_is_named():
    lacking = [row for row in PICTURES if (row["method"], row["kind"]) != ("tirg", "decoded query")]
    with pytest.raises(CirqueError, match="no decoded query of tirg for 'make brown sphere yellow'"):
        rows(of=lacking)
    assert rows(settings={**SETTINGS, "labels": {}}) == []


def test_each_picture_stands_below_its_heading_and_above_its_text():
    drawing = reconstruction.draw(rows())
    assert [axes.get_title(loc="left") for axes in drawing.axes[:5]] == [
        "reference", "target", "Concatenation", "TIRG", "",
    ]  # fmt: skip
    words = [text.get_text() for text in drawing.texts]
    assert words == [
        "“make red circle blue”",
        "the paper’s: “make brown sphere yellow”",
        "“remove cyan object”",
        "Scale mini: not comparable with the papers' figures",
    ]
    grays = [int(axes.images[0].get_array()[0, 0, 0]) for axes in drawing.axes]
    assert grays == [11, 51, 171, 164, 21, 61, 181, 174]


def test_a_drawing_holds_its_pictures_and_refers_to_nothing_outside_itself():
    svg = figure.to_svg(lambda: reconstruction.draw(rows()), reconstruction.TITLE)
    images = list(ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}image"))
    links = [image.get("{http://www.w3.org/1999/xlink}href") for image in images]
    assert len(links) == len(rows())
    assert all(link.startswith("data:image/png;base64,") for link in links)
    assert svg == figure.to_svg(lambda: reconstruction.draw(rows()), reconstruction.TITLE)
    inlined = figure.inlined(svg, "plot-reconstruction")
    assert all("".join(link.split()) in "".join(inlined.split()) for link in links)
    assert not any(colour in inlined for colour in figure.VARIABLES)
