from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from cirque import draws
from cirque.css import grammar
from cirque.css.grammar import Object

SPLITS = st.sampled_from(grammar.SPLITS)


def drawn(split: str, number: int) -> grammar.Scene:
    return grammar.draw_scene(split, draws.generator(0, "test", split, number))


@given(SPLITS, st.integers(0, 2**31))
def test_a_drawn_scene_is_legal_and_has_two_to_six_objects(split, number):
    scene = drawn(split, number)
    assert 2 <= len(scene) <= 6
    assert grammar.is_legal(split, scene)


def test_every_count_cell_shape_size_and_allowed_colour_is_drawn():
    for split in grammar.SPLITS:
        scenes = [drawn(split, number) for number in range(500)]
        assert set(map(len, scenes)) == {2, 3, 4, 5, 6}
        objects = [item for scene in scenes for item in scene]
        assert {item.cell for item in objects} == set(range(9))
        assert {item.size for item in objects} == {"small", "large"}
        assert {(item.shape, item.colour) for item in objects} == set(grammar.kinds(split, None, None))
        shares = Counter(item.shape for item in objects)
        assert all(abs(count / len(objects) - 1 / 3) < 0.05 for count in shares.values())


def test_cubes_and_cylinders_swap_their_colours_between_the_splits():
    train, test = grammar.ALLOWED["train"], grammar.ALLOWED["test"]
    assert train["rectangle"] == test["triangle"] == ("gray", "blue", "brown", "yellow")
    assert train["triangle"] == test["rectangle"] == ("red", "green", "purple", "cyan")
    assert train["circle"] == test["circle"] == grammar.COLOURS


def test_a_split_refuses_the_other_s_colours_and_two_objects_in_one_cell():
    cube = Object("rectangle", "red", "small", grammar.centre(0))
    assert grammar.is_legal("test", [cube])
    assert not grammar.is_legal("train", [cube])
    ball = Object("circle", "red", "large", grammar.centre(0))
    assert not grammar.is_legal("test", [cube, ball])


def test_cells_are_named_from_the_top_left_row_by_row():
    assert grammar.CELLS[0] == "top-left"
    assert grammar.CELLS[5] == "middle-right"
    assert grammar.CELLS[7] == "bottom-center"
    assert [Object("circle", "red", "small", grammar.centre(cell)).cell for cell in range(9)] == list(range(9))


def test_a_scene_is_the_same_in_any_order_of_painting():
    scene = drawn("train", 3)
    assert grammar.canonical(scene) == grammar.canonical(scene[::-1])
    assert grammar.canonical(scene) != grammar.canonical(scene[1:])
