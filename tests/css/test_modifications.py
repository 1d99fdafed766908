import pytest
from hypothesis import given
from hypothesis import strategies as st

from cirque import draws
from cirque.css import grammar, modifications
from cirque.css.grammar import Object
from cirque.css.modifications import Description, Modification


def at(cell: str, shape: str, colour: str, size: str = "small") -> Object:
    return Object(shape, colour, size, grammar.centre(grammar.CELLS.index(cell)))


def cell(name: str) -> int:
    return grammar.CELLS.index(name)


SCENE = (
    at("top-left", "circle", "red"),
    at("bottom-center", "circle", "purple"),
    at("middle-center", "rectangle", "yellow", "large"),
)
RNG = draws.generator(0, "test")


@pytest.mark.parametrize(
    ("modification", "released", "printed"),
    [
        (
            Modification("add", Description(cell("top-left"), None, "red", "circle")),
            "add red circle to top-left",
            "add red sphere to top-left",
        ),
        (
            Modification("add", Description(cell("middle-center"), "large", "red", "rectangle")),
            "add large red rectangle to middle-center",
            "add big red cube to middle-center",
        ),
        (Modification("add", Description()), "add object", "add object"),
        (
            Modification("remove", Description(None, None, "yellow", "circle")),
            "remove yellow circle",
            "remove yellow sphere",
        ),
        (
            Modification("remove", Description(cell("bottom-center"), None, "cyan", None)),
            "remove bottom-center cyan object",
            "remove bottom-center cyan object",
        ),
        (
            Modification("make", Description(cell("bottom-center"), "small", "purple", "circle"), new_size="large"),
            "make bottom-center small purple circle large",
            "make bottom-center small purple sphere big",
        ),
        (
            Modification("make", Description(cell("bottom-center"), None, "brown", None), new_colour="cyan"),
            "make bottom-center brown object cyan",
            "make bottom-center brown object cyan",
        ),
    ],
)
def test_texts_are_the_release_s_and_the_paper_s(modification, released, printed):
    assert modifications.text(modification) == released
    assert modifications.text(modification, modifications.PRINTED) == printed


def test_all_objects_that_are_described_are_removed_or_changed():
    balls = Description(shape="circle")
    removed = modifications.applied(Modification("remove", balls), "train", SCENE, RNG)
    assert removed == SCENE[2:]
    made = modifications.applied(Modification("make", balls, new_colour="blue"), "train", SCENE, RNG)
    assert made is not None
    assert [item.colour for item in made] == ["blue", "blue", "yellow"]
    assert [item.pos for item in made] == [item.pos for item in SCENE]
    larger = modifications.applied(Modification("make", balls, new_size="large"), "train", SCENE, RNG)
    assert larger is not None
    assert [item.size for item in larger] == ["large"] * 3


@pytest.mark.parametrize(
    "modification",
    [
        Modification("remove", Description(colour="cyan")),
        Modification("make", Description(colour="red"), new_colour="red"),
        Modification("make", Description(shape="rectangle"), new_colour="red"),
        Modification("add", Description(cell=cell("top-left"))),
        Modification("add", Description(shape="rectangle", colour="red")),
    ],
    ids=["finds nothing", "changes nothing", "breaks the split's rule", "the cell is taken", "no such object"],
)
def test_what_does_not_hold_for_a_scene_has_no_result(modification):
    assert not modifications.fits(modification, "train", SCENE)
    assert modifications.applied(modification, "train", SCENE, RNG) is None


def test_a_full_grid_takes_no_object():
    full = tuple(at(name, "circle", "red") for name in grammar.CELLS)
    assert not modifications.fits(Modification("add", Description()), "train", full)
    assert modifications.fits(Modification("add", Description()), "train", full[:-1])


@given(st.sampled_from(grammar.SPLITS), st.integers(0, 2**31))
def test_a_drawn_modification_leads_to_another_legal_scene(split, number):
    rng = draws.generator(1, "test", split, number)
    scene = grammar.draw_scene(split, rng)
    drawn = modifications.draw(split, scene, rng)
    if drawn is None:
        return
    result = modifications.applied(drawn, split, scene, rng)
    assert result is not None
    assert grammar.is_legal(split, result)
    assert grammar.canonical(result) != grammar.canonical(scene)
    if drawn.kind == "add":
        assert result[:-1] == scene
        assert drawn.target.fits(result[-1])
    if drawn.kind == "make":
        assert [(item.shape, item.pos) for item in result] == [(item.shape, item.pos) for item in scene]


def test_no_two_modifications_have_one_text():
    seen: dict[str, Modification] = {}
    for number in range(3000):
        rng = draws.generator(2, "test", number)
        drawn = modifications.draw("train", grammar.draw_scene("train", rng), rng)
        if drawn is not None:
            assert seen.setdefault(modifications.text(drawn), drawn) == drawn
