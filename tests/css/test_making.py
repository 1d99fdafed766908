from collections import Counter

import pytest

from cirque.css import grammar, making
from cirque.errors import CirqueError


def n_asked(split):
    return Counter(source for asked in split.asked for source in asked.sources)


@pytest.mark.parametrize(("counts", "n_modifications"), [("paper", 16), ("release", 120)])
@pytest.mark.parametrize("name", grammar.SPLITS)
def test_images_are_the_references_and_then_a_target_for_each_query(counts, n_modifications, name):
    split = making.make(7, name, counts, 20, n_modifications)
    targets = [target for asked in split.asked for target in asked.targets]
    assert targets == list(range(20, len(split.images)))
    assert set(n_asked(split)) == set(range(20))
    assert all(grammar.is_legal(name, scene) for scene in split.images)
    assert all(2 <= len(scene) <= 6 for scene in split.images[:20])


@pytest.mark.parametrize(("counts", "n_modifications"), [("paper", 16), ("release", 120)])
def test_images_of_one_label_show_one_scene(counts, n_modifications):
    split = making.make(7, "train", counts, 20, n_modifications)
    by_label: dict[int, set[object]] = {}
    for label, scene in zip(split.labels, split.images, strict=True):
        by_label.setdefault(label, set()).add(grammar.canonical(scene))
    assert all(len(scenes) == 1 for scenes in by_label.values())
    assert len(set.union(*by_label.values())) == len(by_label) < len(split.images)


def test_the_paper_asks_each_reference_as_often_and_each_text_once():
    split = making.make(7, "train", "paper", 30, 16)
    assert set(n_asked(split).values()) == {16}
    assert len({asked.text for asked in split.asked}) == len(split.asked)
    assert len(split.images) == 30 + 30 * 16
    assert max(len(asked.sources) for asked in split.asked) > 1


def test_the_release_asks_each_modification_of_three_references():
    split = making.make(7, "test", "release", 67, 400)
    assert {len(asked.sources) for asked in split.asked} == {3}
    assert all(len(set(asked.sources)) == 3 for asked in split.asked)
    assert len(split.images) == 67 + 3 * 400
    assert min(n_asked(split).values()) >= 2
    texts = Counter((asked.text, source) for asked in split.asked for source in asked.sources)
    assert max(texts.values()) == 1


def test_a_split_depends_on_its_seed_and_name_alone():
    made = making.make(7, "train", "release", 10, 20)
    assert making.make(7, "train", "release", 10, 20) == made
    assert making.make(8, "train", "release", 10, 20) != made
    assert making.make(7, "test", "release", 10, 20) != made


@pytest.mark.parametrize(
    ("counts", "n_references", "n_modifications", "cure"),
    [
        ("paper", 5, 1, "at least two modifications of each"),
        ("paper", 0, 16, "give at least one reference"),
        ("paper", 1, 100_000, "has hardly 100,000 modifications"),
        ("release", 2, 10, "is asked of 3 references; give at least so many"),
        ("release", 30, 19, "each reference must be asked twice, so give at least 20 modifications"),
        ("release", 3, 100_000, "give more references or fewer modifications"),
    ],
)
def test_counts_that_no_split_has_are_refused(counts, n_references, n_modifications, cure):
    with pytest.raises(CirqueError, match=cure):
        making.make(0, "train", counts, n_references, n_modifications)
