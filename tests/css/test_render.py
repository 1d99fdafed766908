import hashlib
import importlib.metadata
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from cirque.css import grammar, placement, render
from cirque.css.grammar import Object
from cirque.errors import CirqueError

try:
    importlib.metadata.version("mitsuba")
    MITSUBA = True
except importlib.metadata.PackageNotFoundError:
    MITSUBA = False

needs_mitsuba = pytest.mark.skipif(not MITSUBA, reason="3D pictures of CSS: Mitsuba is not installed")

SMALL: dict[str, Any] = {"seed": 0, "split": "train", "width": 45, "height": 30, "samples": 2}


def one(colour: str, shape: str = "rectangle", cell: int = 4) -> list[Object]:
    return [Object(shape, colour, "large", grammar.centre(cell))]


def test_without_mitsuba_the_message_says_what_to_install(monkeypatch):
    def version(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    with pytest.raises(CirqueError, match=r"not installed: pip install mitsuba; the 2D tables run without it"):
        render.version()


@needs_mitsuba
def test_a_picture_is_the_same_in_another_process():
    program = (
        "import hashlib; from cirque.css import grammar, render; from cirque.css.grammar import Object;"
        "scene = [Object(s, 'blue', 'large', grammar.centre(c)) for c, s in enumerate(grammar.SHAPES)];"
        "print(*[hashlib.sha256(render.draw(scene, seed=0, split='train', number=n, width=45, height=30, samples=2)"
        ".tobytes()).hexdigest() for n in {}])"
    )
    scene = [Object(shape, "blue", "large", grammar.centre(cell)) for cell, shape in enumerate(grammar.SHAPES)]
    ours = [hashlib.sha256(render.draw(scene, number=n, **SMALL).tobytes()).hexdigest() for n in range(8)]
    for order in ("range(8)", "range(7, -1, -1)"):
        done = subprocess.run([sys.executable, "-c", program.format(order)], capture_output=True, text=True, check=True)
        theirs = done.stdout.split()
        assert (theirs if order == "range(8)" else theirs[::-1]) == ours
    assert len(set(ours)) == 8


@needs_mitsuba
def test_an_object_s_colour_and_place_are_seen():
    for cell in (0, 4, 8):
        placed = placement.place(one("red", cell=cell), 0, "train", 0)
        solid = placed.solids[0]
        row, column = placement.projected(placed.camera, (solid.x, solid.y, solid.radius), 1.5)
        for shape in grammar.SHAPES:
            for colour, strongest in (("red", 0), ("green", 1), ("blue", 2)):
                picture = render.draw(one(colour, shape, cell), number=0, **{**SMALL, "samples": 8})
                seen = picture[int(row * 30) - 1 : int(row * 30) + 2, int(column * 45) - 1 : int(column * 45) + 2]
                mean = seen.mean((0, 1))
                assert mean.argmax() == strongest
                assert np.sort(mean)[-1] > np.sort(mean)[-2] + 15


@needs_mitsuba
def test_an_empty_scene_is_a_grey_ground_with_no_lamp_in_it():
    picture = render.draw([], number=0, **{**SMALL, "samples": 16}).astype(int)
    assert picture.shape == (30, 45, 3)
    assert np.ptp(picture.mean((0, 1))) < 20
    assert picture.min() > 25
    assert 80 < picture.mean() < 150


@needs_mitsuba
def test_lights_are_found_in_the_order_of_their_names():
    for number in range(10):
        scene = render._load(placement.place(one("red"), 0, "train", number), 9, 6)
        names = [shape.id() for shape in scene.shapes() if shape.is_emitter()]
        assert names == ["light_back", "light_fill", "light_key", "light_sun"]


@needs_mitsuba
def test_lights_in_no_order_are_refused(monkeypatch):
    monkeypatch.setattr(render, "MOST_LOADS", 0)
    with pytest.raises(CirqueError, match="the lights of a scene were in no order after 0 loads; run again"):
        render.draw(one("red"), number=0, **SMALL)
