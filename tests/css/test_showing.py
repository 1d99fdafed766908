"""Scenes of CSS that a reader is shown."""

from cirque.css import showing
from cirque.css.grammar import Object, centre
from cirque.css.release import Asked, Split
from cirque.css.showing import Shown


def scene(n_objects):
    return tuple(Object("circle", "red", "small", centre(cell)) for cell in range(n_objects))


def split(*counts):
    """References of some numbers of objects, asked two things; the targets come after them."""
    last = len(counts) - 1
    asked = [Asked("remove object", [last, 1], [last + 1, last + 2]), Asked("add object", [0, 1], [last + 3, last + 4])]
    images = [scene(count) for count in (*counts, 5, 5, 5, 5)]
    return Split(images, asked, list(range(len(images))))


def test_of_each_split_the_first_references_with_three_objects_and_the_first_thing_asked():
    splits = {"train": split(2, 3, 4), "test": split(3, 6, 3)}
    assert showing.choose(splits, 2) == [
        Shown("train", "0-1", "remove object", 1, 4),
        Shown("train", "0-0", "remove object", 2, 3),
        Shown("test", "1-0", "add object", 0, 5),
        Shown("test", "0-1", "remove object", 1, 4),
    ]


def test_a_target_of_which_nothing_is_asked_is_no_scene():
    assert [shown.reference for shown in showing.choose({"test": split(3, 3, 3)}, 100)] == [0, 1, 2]


def test_small_scenes_alone_give_none():
    assert showing.choose({"train": split(2, 2, 2)}, 6) == []
