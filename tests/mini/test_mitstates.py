from collections import Counter, defaultdict
from pathlib import Path

import pytest
from PIL import Image

from cirque import draws
from cirque.datasets import mitstates as official
from cirque.datasets import mitstates_pairs
from cirque.errors import CirqueError
from cirque.mini import mitstates
from cirque.mini.generators import mitstates as generate_mitstates
from cirque.mini.scenes import BACKGROUNDS, COLOURS, SHAPES


@pytest.fixture(scope="module")
def shown() -> list[mitstates.Shown]:
    return mitstates.make_images(0, 648)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("world")
    generate_mitstates.generate(seed=0, image_size=64, n_mitstates=72, data_root=root)
    return root


def test_the_three_unseen_nouns_are_of_the_official_49_and_no_other_is():
    assert set(mitstates.SHAPE_OF) & official.UNSEEN_NOUNS == set(mitstates.UNSEEN)
    assert sorted(mitstates.SHAPE_OF.values()) == sorted(SHAPES)


@pytest.mark.parametrize("seed", range(5))
def test_fourteen_adjectives_are_all_learned_and_a_noun_has_five_or_six(seed: int):
    of_noun = mitstates.adjectives(seed)
    learned = {adjective for noun, own in of_noun.items() if noun not in mitstates.UNSEEN for adjective in own}
    assert learned == {*COLOURS, *BACKGROUNDS}
    assert all(len(set(own)) == len(own) in (5, 6) for own in of_noun.values())


def test_there_are_648_images_of_training_and_216_of_test(shown: list[mitstates.Shown]):
    counts = Counter(of.picture.noun in mitstates.UNSEEN for of in shown)
    assert counts == {False: 648, True: 216}
    assert len(mitstates.full_captions(shown)) == 72 * (4 + 5 + 4)


def test_a_picture_shows_its_adjective_and_no_other_of_its_noun(shown: list[mitstates.Shown]):
    of_noun = mitstates.adjectives(0)
    for of in shown:
        assert of.scene.shape == mitstates.SHAPE_OF[of.picture.noun]
        visible = {of.scene.colour, of.scene.background}
        assert visible & set(of_noun[of.picture.noun]) == {of.picture.adjective}


def test_adjectives_of_a_noun_have_as_many_images_but_for_one(shown: list[mitstates.Shown]):
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for of in shown:
        counts[of.picture.noun][of.picture.adjective] += 1
    assert all(max(own.values()) - min(own.values()) <= 1 for own in counts.values())


@pytest.mark.parametrize("n_train", [18, 72, 648])
@pytest.mark.parametrize("seed", range(3))
def test_unseen_pairs_are_made_of_words_that_training_knows(n_train: int, seed: int):
    shown = mitstates.make_images(seed, n_train)
    pairs = mitstates.split_pairs(seed, shown)
    train, test = pairs["train"], pairs["test"]
    assert test
    assert not set(train) & set(test)
    assert {*train, *test} == {of.picture.caption for of in shown}
    known = {word for pair in train for word in pair.split()}
    assert {word for pair in test for word in pair.split()} <= known
    assert (train, test) == (sorted(train), sorted(test))


def test_a_third_of_the_pairs_is_kept_for_the_test(shown: list[mitstates.Shown]):
    pairs = mitstates.split_pairs(0, shown)
    assert (len(pairs["train"]), len(pairs["test"])) == (42, 24)


def test_the_same_seed_gives_the_same_images_and_another_others():
    assert mitstates.make_images(3, 72) == mitstates.make_images(3, 72)
    assert mitstates.make_images(3, 72) != mitstates.make_images(4, 72)


def test_too_few_images_are_refused():
    with pytest.raises(CirqueError, match=r"n_mitstates: 17 images are too few .* give 18 or more"):
        mitstates.make_images(0, 17)


# ---- files ---------------------------------------------------------------------------------------------------------


def test_the_parser_of_the_official_folders_reads_the_generated_ones(world: Path):
    assert [len(official.images(world, split)) for split in official.SPLITS] == [72, 24]
    rows = official.queries(world, "unseen_nouns", full_captions=world / "mitstates/mini/full_captions.json")
    assert len(rows) == 8 * (4 + 5 + 4)
    for row in rows:
        assert {name.split("/")[0] for name in row["target_ids"]} == {row["full_caption"]}
        assert row["full_caption"].split()[0] == row["captions"][0]


@pytest.mark.parametrize("n_images", [18, 31])
def test_a_tiny_set_can_be_learned_from_and_asked(tmp_path: Path, n_images: int):
    generate_mitstates.generate(seed=1, image_size=8, n_mitstates=n_images, data_root=tmp_path)
    found = official.training(tmp_path, "train")
    assert len(found.image_ids) == n_images
    assert len(found.draw(n_images - 1, draws.generator(0, "test"))) == 2
    assert official.queries(tmp_path, "unseen_nouns")


def test_the_lists_of_pairs_are_a_compositional_split(world: Path):
    images = [mitstates_pairs.images(world, split) for split in mitstates_pairs.FILES]
    assert sum(map(len, images)) == 72 + 24
    assert set(mitstates_pairs.labels(world, "unseen_pairs")) == set(mitstates_pairs.pairs(world, "unseen_pairs"))
    assert mitstates_pairs.training(world, "train_pairs").texts == mitstates_pairs.pairs(world, "train_pairs")


def test_every_image_is_a_jpeg_of_the_size_asked_for(world: Path):
    for split in official.SPLITS:
        for _, path in official.images(world, split):
            with Image.open(world / path) as image:
                assert (image.format, image.size, image.mode) == ("JPEG", (64, 64), "RGB")


def test_the_generator_says_all_that_it_writes(world: Path):
    written = {path.relative_to(world).as_posix() for path in world.rglob("*") if path.is_file()}
    (folder,) = generate_mitstates.FOLDERS
    assert {path for path in written if not path.startswith(f"{folder}/")} == set(generate_mitstates.FILES)
    needed = {*official.annotation_files("train").values(), *mitstates_pairs.FILES.values()}
    assert needed <= set(generate_mitstates.FILES)


def test_the_same_seed_writes_the_same_bytes(world: Path, tmp_path: Path):
    generate_mitstates.generate(seed=0, image_size=64, n_mitstates=72, data_root=tmp_path)
    written = [path.relative_to(world) for path in world.rglob("*") if path.is_file()]
    assert all((world / path).read_bytes() == (tmp_path / path).read_bytes() for path in written)
