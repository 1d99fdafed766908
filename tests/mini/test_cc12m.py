"""The generated CC12M: more varied and noisier than CC3M, and each pair by itself."""

from collections import Counter

from cirque.mini import cc12m
from cirque.mini.draws import draws
from cirque.mini.scenes import draw_scene

PAIRS = [cc12m.pair(0, number, 32) for number in range(200)]


def test_a_pair_depends_on_seed_and_number_alone():
    image, said = cc12m.pair(0, 7, 32)
    assert (image.tobytes(), said) == (PAIRS[7][0].tobytes(), PAIRS[7][1])
    other, _ = cc12m.pair(1, 7, 32)
    assert other.tobytes() != image.tobytes()


def test_many_pictures_are_not_square_and_none_is_longer_than_stated():
    shapes = Counter(image.width != image.height for image, _ in PAIRS)
    assert 40 < shapes[True] < 120
    assert all(min(image.size) == 32 and max(image.size) <= 32 * cc12m.LONGEST for image, _ in PAIRS)


def test_pictures_are_of_all_kinds():
    stated = [said for _, said in PAIRS]
    assert sum("sculpture" in said or "origami" in said for said in stated) > 5  # styled
    assert sum(said.count(" and a") + said.count(" and ") > 1 for said in stated) > 5  # several things
    assert sum("background" in said for said in stated) > 20  # one scene


def test_some_captions_carry_what_surrounds_them_on_a_page():
    noisy = [said for _, said in PAIRS if "<PERSON>" in said or "stock photo" in said or "online" in said]
    assert 20 < len(noisy) < 100


def test_its_scenes_are_other_draws_than_those_of_cc3m():
    theirs = [draw_scene(draws(0, "cc3m", number)) for number in range(50)]
    ours = [draw_scene(draws(0, "cc12m", number)) for number in range(50)]
    assert sum(one == other for one, other in zip(ours, theirs, strict=True)) < 5
