import pytest

from cirque.mini.drawing import OUTLINES, PAINT, PATTERNS, jpeg, png, render
from cirque.mini.draws import draws
from cirque.mini.scenes import BACKGROUNDS, COLOURS, SHAPES, Scene


def test_every_shape_colour_and_background_can_be_drawn():
    assert set(OUTLINES) == set(SHAPES)
    assert set(PAINT) == set(COLOURS)
    assert set(PATTERNS) | {"plain", "dark"} == set(BACKGROUNDS)


@pytest.mark.parametrize("size", [64, 224, 320])
def test_a_scene_is_drawn_at_any_size(size):
    image = render(Scene("ring", "pink", 4, "wavy"), size, draws(0, "picture"))
    assert (image.mode, image.size) == ("RGB", (size, size))


@pytest.mark.parametrize("encode", [png, jpeg])
def test_equal_draws_give_equal_bytes_and_others_do_not(encode):
    scene = Scene("star", "red", 3, "striped")
    one, again, other = (encode(render(scene, 64, draws(0, "picture", n))) for n in (1, 1, 2))
    assert one == again
    assert one != other


def test_each_attribute_shows_in_the_picture():
    scene = Scene("star", "red", 3, "striped")
    changed = [
        Scene("heart", "red", 3, "striped"),
        Scene("star", "blue", 3, "striped"),
        Scene("star", "red", 1, "striped"),
        Scene("star", "red", 3, "dotted"),
    ]
    pictures = {png(render(s, 64, draws(0, "picture"))) for s in [scene, *changed]}
    assert len(pictures) == 5


def test_the_objects_have_the_colour_of_the_scene_and_cover_more_when_there_are_more():
    def n_green(count):
        pixels = render(Scene("circle", "green", count, "plain"), 64, draws(0, count)).tobytes()
        triples = zip(pixels[::3], pixels[1::3], pixels[2::3], strict=True)
        return sum(g > 1.5 * max(r, b) for r, g, b in triples)

    shares = [n_green(count) / 64**2 for count in (1, 2, 3, 4)]
    assert shares == sorted(shares)
    assert 0.05 < shares[0] < 0.2
    assert 0.3 < shares[3] < 0.7
