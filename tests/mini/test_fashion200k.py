import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cirque import draws
from cirque.datasets import fashion200k as official
from cirque.errors import CirqueError
from cirque.mini import fashion200k
from cirque.mini.generators import fashion200k as generate_fashion200k
from cirque.mini.scenes import Scene

CAPTION = re.compile(r"\w+ \w+ (one|two|three|four) \w+")


@pytest.fixture(scope="module")
def splits() -> dict[str, list[fashion200k.Item]]:
    return fashion200k.make_splits(0, 1500)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("world")
    generate_fashion200k.generate(seed=0, image_size=64, n_fashion200k=60, n_fashion200k_queries=10, data_root=root)
    return root


def captions(items: list[fashion200k.Item]) -> list[str]:
    return [fashion200k.caption(item.scene) for item in items]


def test_a_caption_says_all_of_its_scene():
    assert fashion200k.caption(Scene("heart", "red", 3, "dotted")) == "red dotted three heart"


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_split_has_three_images_of_each_of_500_captions(splits: dict[str, list[fashion200k.Item]], split: str):
    counts = Counter(captions(splits[split]))
    assert len(counts) == 500
    assert set(counts.values()) == {3}
    assert len({item.image_id for item in splits[split]}) == 1500


def test_no_caption_of_test_is_seen_in_training(splits: dict[str, list[fashion200k.Item]]):
    assert not set(captions(splits["train"])) & set(captions(splits["test"]))
    assert not {item.image_id for item in splits["train"]} & {item.image_id for item in splits["test"]}


def test_every_word_of_test_occurs_in_training(splits: dict[str, list[fashion200k.Item]]):
    words = {
        split: {word for caption in captions(items) for word in caption.split()} for split, items in splits.items()
    }
    assert words["test"] <= words["train"]
    assert len(words["train"]) == 8 + 6 + 4 + 12


def test_queries_differ_in_a_word_and_none_is_asked_twice(splits: dict[str, list[fashion200k.Item]]):
    queries = fashion200k.make_queries(0, splits["test"], 600)
    caption_of = dict(zip([item.image_id for item in splits["test"]], captions(splits["test"]), strict=True))
    assert len({(source, caption_of[target]) for source, target in queries}) == 600
    for source, target in queries:
        one, other = caption_of[source].split(), caption_of[target].split()
        assert sum(a != b for a, b in zip(one, other, strict=True)) == 1


def test_the_same_seed_gives_the_same_split_and_another_another():
    assert fashion200k.make_splits(3, 60) == fashion200k.make_splits(3, 60)
    assert fashion200k.make_splits(3, 60) != fashion200k.make_splits(4, 60)


@pytest.mark.parametrize("n_images", [12, 3457])
def test_too_few_or_too_many_images_are_refused(n_images: int):
    with pytest.raises(CirqueError, match=rf"n_fashion200k: {n_images:,} images .* so give 15 to 3,456"):
        fashion200k.make_splits(0, n_images)


@pytest.mark.parametrize("n_queries", [0, 10_000])
def test_more_queries_than_there_are_or_none_are_refused(n_queries: int):
    items = fashion200k.make_splits(0, 60)["test"]
    with pytest.raises(
        CirqueError, match=rf"n_fashion200k_queries: {n_queries:,} queries of 60 test images; 1 to \d+ can"
    ):
        fashion200k.make_queries(0, items, n_queries)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("n_images", [15, 31, 60])
def test_a_tiny_set_can_be_learned_from_and_asked(tmp_path: Path, seed: int, n_images: int):
    generate_fashion200k.generate(
        seed=seed, image_size=8, n_fashion200k=n_images, n_fashion200k_queries=10, data_root=tmp_path
    )
    found = official.training(tmp_path, "train")
    assert len(found.image_ids) == len(official.images(tmp_path, "test")) == n_images
    assert len(found.draw(n_images - 1, draws.generator(seed, "test"))) == 1
    assert all(row["target_ids"] for row in official.queries(tmp_path, "test"))


def test_as_many_images_as_there_are_scenes_can_be_drawn():
    splits = fashion200k.make_splits(0, 3456)
    assert len({caption for items in splits.values() for caption in captions(items)}) == 8 * 6 * 4 * 12


# ---- files ---------------------------------------------------------------------------------------------------------


def test_the_parser_of_the_official_files_reads_the_generated_ones(world: Path):
    rows = official.queries(world, "test", full_captions=world / "Fashion200k/mini/full_captions.json")
    caption_of = dict(official.captions(world, "test"))
    assert len(rows) == 10
    for row in rows:
        assert {caption_of[name] for name in row["target_ids"]} == {row["full_caption"]}
        assert row["captions"] == [official.modification(caption_of[row["reference_id"]], row["full_caption"])]
    for split in official.SPLITS:
        assert all(CAPTION.fullmatch(caption) for _, caption in official.captions(world, split))


@pytest.mark.parametrize("split", ["train", "test"])
def test_every_listed_image_is_a_jpeg_of_the_size_asked_for(world: Path, split: str):
    images = official.images(world, split)
    assert len(images) == 60
    for _, path in images:
        with Image.open(world / path) as image:
            assert (image.format, image.size, image.mode) == ("JPEG", (64, 64), "RGB")


def test_views_of_a_product_are_other_pictures_of_one_scene(world: Path):
    paths = [world / path for _, path in official.images(world, "test")[:3]]
    pictures = [np.asarray(Image.open(path)).astype(float) for path in paths]
    assert len({path.parent for path in paths}) == 1
    assert np.abs(pictures[0] - pictures[1]).mean() > 1


def test_the_same_seed_writes_the_same_bytes(world: Path, tmp_path: Path):
    generate_fashion200k.generate(seed=0, image_size=64, n_fashion200k=60, n_fashion200k_queries=10, data_root=tmp_path)
    written = sorted(path.relative_to(world) for path in world.rglob("*") if path.is_file())
    assert written == sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file())
    assert all((world / path).read_bytes() == (tmp_path / path).read_bytes() for path in written)
