import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cirque.css import blobs, grammar
from cirque.css.grammar import Object


def released(scene):
    """What the released drawing states, word for word in our names: fractions of one on white."""
    picture = np.ones((64, 64, 3))
    for item in scene:
        s = 8.0 if item.size == "large" else 4.0
        colour = np.array(blobs.PAINT[item.colour]) / 255.0
        y, x = item.pos[0] * 64, item.pos[1] * 64
        if item.shape == "rectangle":
            picture[int(y - s) : int(y + s), int(x - s) : int(x + s)] = colour
        if item.shape == "circle":
            for row in range(int(y - s), int(y + s) + 1):
                left = x + (abs(row - y) - s)
                picture[row, int(left) : int(2 * x - left)] = colour
        if item.shape == "triangle":
            for row in range(int(y - s), int(y + s)):
                left = x + (row - y + s) / 2
                right = 2 * x - left
                picture[row, int(min(left, right)) : int(max(left, right))] = colour
    return picture


PLACES = st.floats(0.125, 0.87)
OBJECTS = st.builds(
    Object,
    st.sampled_from(grammar.SHAPES),
    st.sampled_from(grammar.COLOURS),
    st.sampled_from(grammar.SIZES),
    st.tuples(PLACES, PLACES),
)


@given(st.lists(OBJECTS, max_size=9))
def test_a_picture_is_the_released_one_to_the_pixel(scene):
    assert np.array_equal(blobs.draw(scene) / 255.0, released(scene))


def test_so_is_every_object_in_every_cell():
    for cell in range(9):
        for shape in grammar.SHAPES:
            for size in grammar.SIZES:
                scene = [Object(shape, "green", size, grammar.centre(cell))]
                assert np.array_equal(blobs.draw(scene) / 255.0, released(scene))


def test_a_small_square_covers_eight_by_eight_pixels_of_its_colour():
    picture = blobs.draw([Object("rectangle", "red", "small", (0.5, 0.25))])
    painted = (picture != 255).any(2)
    assert picture.shape == (64, 64, 3)
    assert picture.dtype == np.uint8
    assert painted.sum() == 64
    assert painted[28:36, 12:20].all()
    assert (picture[painted] == (244, 35, 35)).all()


def test_a_circle_is_a_diamond_and_a_triangle_points_up():
    diamond = (blobs.draw([Object("circle", "blue", "small", (0.5, 0.5))]) != 255).any(2)
    assert diamond.sum(1)[28:37].tolist() == [0, 2, 4, 6, 8, 6, 4, 2, 0]
    triangle = (blobs.draw([Object("triangle", "blue", "small", (0.5, 0.5))]) != 255).any(2).sum(1)
    assert (np.diff(triangle[28:36]) >= 0).all()


def test_a_row_that_begins_above_the_apex_is_painted_as_the_released_code_swaps_its_edges():
    picture = blobs.draw([Object("triangle", "blue", "large", (1 / 6, 0.5))])  # its apex lies at row 2.67
    assert np.argwhere((picture[:3] != 255).any(2)).tolist() == [[2, 31]]


def test_later_objects_are_painted_over_earlier_ones():
    under, over = (Object("rectangle", colour, "large", (0.5, 0.5)) for colour in ("red", "blue"))
    assert (blobs.draw([under, over])[32, 32] == (42, 75, 215)).all()
    assert (blobs.draw([over, under])[32, 32] == (244, 35, 35)).all()


def test_an_empty_scene_is_white():
    assert (blobs.draw([]) == 255).all()


def test_a_circle_at_the_lower_border_stays_in_the_picture():
    assert (blobs.draw([Object("circle", "blue", "large", (0.875, 0.5))])[63] != 255).any()
