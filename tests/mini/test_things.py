from collections import Counter

import pytest

from cirque.mini.draws import draws
from cirque.mini.scenes import ATTRIBUTES, VALUES, Scene, change, differences
from cirque.mini.things import LARGEST_DIFFERENCE, LOOKS, draw_thing_like
from cirque.mini.words import NOUNS, THINGS


def test_no_two_things_look_the_same_and_none_has_the_name_of_an_object():
    assert len(set(LOOKS.values())) == len(LOOKS) == sum(map(len, THINGS.values()))
    assert not set(LOOKS) & {word for nouns in NOUNS.values() for pair in nouns for word in pair}


@pytest.mark.parametrize("attribute", ATTRIBUTES)
def test_every_value_belongs_to_several_things(attribute):
    counts = Counter(getattr(look, attribute) for look in LOOKS.values())
    assert set(counts) == set(VALUES[attribute])
    assert min(counts.values()) >= 3


def test_a_thing_has_the_colour_under_which_it_is_listed():
    assert all(LOOKS[name].colour == colour for colour, names in THINGS.items() for name in names)


def test_a_scene_is_called_by_a_thing_that_looks_like_it_and_most_often_by_the_one_that_looks_just_so():
    scene = LOOKS["banana"]
    names = Counter(draw_thing_like(scene, draws(0, n)) for n in range(200))
    assert all(len(differences(LOOKS[name], scene)) <= LARGEST_DIFFERENCE for name in names)
    assert names.most_common(1)[0][0] == "banana"
    assert names["banana"] > 150


def test_a_scene_like_no_thing_is_called_by_none(monkeypatch):
    far = Scene("star", "red", 1, "plain")
    monkeypatch.setattr("cirque.mini.things.LOOKS", {"banana": Scene("moon", "yellow", 3, "dotted")})
    assert draw_thing_like(far, draws(0)) is None
    assert draw_thing_like(change(far, "shape", "moon"), draws(0)) is None
