"""Scenes of CSS: in 2D beside 3D, what is asked of them beneath, and its target."""

import xml.etree.ElementTree as ET

import numpy as np

from cirque import plots
from cirque.css import pictures
from cirque.plots import css_scenes
from cirque.report import figure

SIZES = {"2d": (8, 8), "3d": (9, 6)}
PICTURES = (("reference", "2d"), ("reference", "3d"), ("target", "3d"))


def scene(split, number, text, gray):
    """Rows of schemas.CSS_SCENES of one scene; each picture has a gray of its own."""
    found = []
    for place, (role, view) in enumerate(PICTURES):
        width, height = SIZES[view]
        picture = pictures.png(np.full((height, width, 3), gray + place, dtype=np.uint8))
        image_id = pictures.image_id(split, number + 100 * (role == "target"))
        about = {"split": split, "query_id": f"{number}-0", "image_id": image_id, "view": view, "role": role}
        found.append({**about, "text": text, "width": width, "height": height, "picture": picture})
    return found


SCENES = [
    *scene("train", 0, "remove cyan object", 10),
    *scene("train", 1, "make red circle blue", 20),
    *scene("test", 0, "add object", 30),
]


def rows(of=SCENES):
    return css_scenes.rows(plots.Inputs({"n_scenes": 2}, {}, scenes=of))


def test_a_row_is_a_picture():
    assert rows() == SCENES
    assert set(rows()[0]) == set(css_scenes.SCHEMA.names)
    assert rows(of=[]) == []


def test_a_scene_of_each_split_stands_beside_the_other_under_the_same_headings():
    drawing = css_scenes.draw(rows())
    headings = list(css_scenes.HEADINGS.values())
    assert [axes.get_title(loc="left") for axes in drawing.axes] == [*headings, "", "", "", *headings]
    assert [text.get_text() for text in drawing.texts] == [
        "train", "“remove cyan object”", "“make red circle blue”", "test", "“add object”",
    ]  # fmt: skip
    grays = [int(axes.images[0].get_array()[0, 0, 0]) for axes in drawing.axes]
    assert grays == [10, 11, 12, 20, 21, 22, 30, 31, 32]


def test_pictures_keep_their_shape_and_do_not_overlap():
    drawing = css_scenes.draw(rows())
    width, height = drawing.get_size_inches()
    boxes = [axes.get_position() for axes in drawing.axes]
    for box, row in zip(boxes, SCENES, strict=True):
        assert np.isclose(box.width * width / (box.height * height), row["width"] / row["height"])
        assert 0 <= box.x0 < box.x1 <= 1
        assert 0 <= box.y0 < box.y1 <= 1
    assert not any(one.overlaps(other) for place, one in enumerate(boxes) for other in boxes[:place])


def test_a_split_alone_takes_the_whole_width():
    drawing = css_scenes.draw([row for row in rows() if row["split"] == "test"])
    assert drawing.axes[-1].get_position().x1 > 0.95


def test_a_drawing_holds_its_pictures_and_refers_to_nothing_outside_itself():
    svg = figure.to_svg(lambda: css_scenes.draw(rows()), css_scenes.TITLE)
    images = list(ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}image"))
    links = [image.get("{http://www.w3.org/1999/xlink}href") for image in images]
    assert len(links) == len(rows())
    assert all(link.startswith("data:image/png;base64,") for link in links)
    assert svg == figure.to_svg(lambda: css_scenes.draw(rows()), css_scenes.TITLE)
    inlined = figure.inlined(svg, "plot-css_scenes")
    assert not any(colour in inlined for colour in figure.VARIABLES)
