import json
from collections import Counter

import pytest
from PIL import Image

from cirque.datasets import fashioniq as official
from cirque.errors import CirqueError
from cirque.mini import fashioniq
from cirque.mini.captions import full_caption
from cirque.mini.cirr import KINDS
from cirque.mini.draws import draws
from cirque.mini.generators import fashioniq as generate_fashioniq
from cirque.mini.relative import relative_caption
from cirque.mini.scenes import ATTRIBUTES, SHAPES, differences


@pytest.fixture(scope="module")
def benchmark():
    return fashioniq.make_benchmark(0, 1200, 450)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    root = tmp_path_factory.mktemp("world")
    generate_fashioniq.generate(seed=0, image_size=32, n_gallery=48, n_queries=12, data_root=root)
    return root


def changes(category):
    return [(category.scenes[query.reference], category.scenes[query.target]) for query in category.queries]


# ---- galleries -----------------------------------------------------------------------------------------------------


def test_each_category_has_a_third_of_images_and_queries(benchmark):
    assert tuple(category.name for category in benchmark) == official.CATEGORIES
    for category in benchmark:
        assert (len(category.scenes), len(category.asins), len(category.queries)) == (400, 400, 150)


def test_categories_share_no_shape_and_leave_none_out(benchmark):
    shapes = [shape for category in benchmark for shape in {scene.shape for scene in category.scenes}]
    assert sorted(shapes) == sorted(SHAPES)


def test_no_scene_and_no_name_occurs_twice(benchmark):
    assert len({scene for category in benchmark for scene in category.scenes}) == 1200
    assert len({name for category in benchmark for name in category.asins}) == 1200


def test_names_look_like_those_of_the_products(benchmark):
    assert all(official.ASIN.fullmatch(name) and name[0] == "B" for category in benchmark for name in category.asins)


def test_a_gallery_that_the_grid_fills_has_the_fewest_colours_and_backgrounds(benchmark):
    for category in benchmark:
        assert len({scene.colour for scene in category.scenes}) == 5
        assert len({scene.background for scene in category.scenes}) == 5


# ---- queries -------------------------------------------------------------------------------------------------------


def test_every_target_differs_from_its_reference_in_one_or_two_attributes(benchmark):
    for category in benchmark:
        assert {len(differences(*pair)) for pair in changes(category)} == {1, 2}


def test_all_kinds_of_change_occur_as_often_as_asked_for(benchmark):
    for category in benchmark:
        kinds = Counter(differences(*pair) for pair in changes(category))
        assert kinds == Counter(KINDS[number % len(KINDS)] for number in range(150))


def test_no_query_occurs_twice(benchmark):
    for category in benchmark:
        assert len(set(changes(category))) == 150


def test_neither_the_reference_nor_the_caption_finds_the_target_alone(benchmark):
    for category in benchmark:
        for reference, target in changes(category):
            changed = set(differences(reference, target))
            like_reference = [scene for scene in category.scenes if len(differences(scene, reference)) <= len(changed)]
            meets_caption = [scene for scene in category.scenes if not changed & set(differences(scene, target))]
            assert len(like_reference) >= 10
            assert len(meets_caption) >= 10


def test_only_the_target_keeps_the_rest_of_the_reference_and_meets_the_caption(benchmark):
    for category in benchmark:
        for reference, target in changes(category):
            changed = set(differences(reference, target))
            stays = set(ATTRIBUTES) - changed
            right = [
                scene
                for scene in category.scenes
                if not stays & set(differences(scene, reference)) and not changed & set(differences(scene, target))
            ]
            assert right == [target]


def test_both_captions_tell_the_whole_change_in_other_words(benchmark):
    for category in benchmark:
        for (reference, target), query in zip(changes(category), category.queries, strict=True):
            n_changed = len(differences(reference, target))
            first, second = query.captions
            assert first != second
            assert first.count(" and ") >= n_changed - 1
            assert second.count(" and ") >= n_changed - 1


def test_captions_are_those_of_the_mini_world(benchmark):
    category = benchmark[0]
    (reference, target), query = changes(category)[0], category.queries[0]
    rng = draws(0, "any")
    assert set(query.captions) <= {relative_caption(reference, target, rng) for _ in range(500)}


def test_a_small_gallery_passes_over_the_kinds_that_it_lacks():
    for category in fashioniq.make_benchmark(0, 48, 60):
        assert len(set(changes(category))) == 20
        assert {len(differences(*pair)) for pair in changes(category)} <= {1, 2}


def test_train_has_images_and_queries_of_its_own_and_changes_nothing_of_val(benchmark):
    train = fashioniq.make_benchmark(0, 1200, 450, "train")
    for ours, vals in zip(train, benchmark, strict=True):
        assert (len(ours.scenes), len(ours.queries)) == (200, 600)
        assert len(set(changes(ours))) == 600
        assert {scene.shape for scene in ours.scenes} == {scene.shape for scene in vals.scenes}
        assert not set(ours.asins) & set(vals.asins)
    assert fashioniq.make_benchmark(0, 1200, 450) == benchmark


def test_a_small_train_split_has_as_many_queries_as_its_images_give():
    for category in fashioniq.make_benchmark(0, 48, 300, "train"):
        assert len(category.scenes) == 8
        assert 0 < len(set(changes(category))) == len(category.queries) < 400


def test_the_same_seed_gives_the_same_benchmark_and_another_another():
    assert fashioniq.make_benchmark(3, 60, 30) == fashioniq.make_benchmark(3, 60, 30)
    for one, other in zip(fashioniq.make_benchmark(3, 60, 30), fashioniq.make_benchmark(4, 60, 30), strict=True):
        assert one.scenes != other.scenes
        assert not set(one.asins) & set(other.asins)


def test_more_than_the_world_can_give_is_refused():
    assert len(fashioniq.make_benchmark(0, 2304, 3)[2].scenes) == 768
    with pytest.raises(CirqueError, match="n_gallery: the categories have 2304 different scenes"):
        fashioniq.make_benchmark(0, 2307, 3)
    with pytest.raises(CirqueError, match=r"n_queries: 4 gallery images .* 100 were asked for; raise n_gallery"):
        fashioniq.make_benchmark(0, 12, 300)


# ---- files ---------------------------------------------------------------------------------------------------------


def test_records_have_the_keys_and_types_of_the_official_ones(annotations, benchmark):
    theirs = json.loads((annotations / "FashionIQ/captions/cap.dress.val.json").read_text())[0]
    ours = fashioniq.caption_records(benchmark[0])[0]
    assert list(ours) == list(theirs)
    assert [type(value) for value in ours.values()] == [type(value) for value in theirs.values()]


def test_the_parser_of_the_official_files_reads_the_generated_ones(world):
    benchmark = fashioniq.make_benchmark(0, 48, 12)
    queries = official.queries(world, "val", full_captions=world / "FashionIQ/mini/full_captions.json")
    expected = [
        (
            f"{category.name}-{number}",
            category.asins[query.reference],
            [category.asins[query.target]],
            query.captions,
            full_caption(category.scenes[query.target]),
        )
        for category in benchmark
        for number, query in enumerate(category.queries)
    ]
    keys = ("query_id", "reference_id", "target_ids", "captions", "full_caption")
    assert [tuple(query[key] for key in keys) for query in queries] == expected
    gallery = official.gallery(world, "val")
    assert gallery == [(asin, category.name) for category in benchmark for asin in category.asins]
    assert len(gallery) > len(official.gallery(world, "val", "val"))


def test_the_parser_of_the_official_files_reads_train_too(world):
    queries = official.queries(world, "train")
    assert len(queries) == 48
    listed = {name for name, _ in official.images(world, "train")}
    assert {name for query in queries for name in query["target_ids"]} <= listed


def test_every_listed_image_is_there_and_no_other(world):
    listed = {split: [path for _, path in official.images(world, split)] for split in ("val", "train")}
    assert {split: len(paths) for split, paths in listed.items()} == {"val": 48, "train": 24}
    paths = [*listed["val"], *listed["train"]]
    assert {path.name for path in (world / official.image_folders("val")[0]).iterdir()} == {
        p.split("/")[-1] for p in paths
    }
    for path in paths:
        image = Image.open(world / path)
        assert (image.format, image.size) == ("JPEG", (32, 32))


def test_the_same_seed_writes_the_same_bytes(world, tmp_path):
    generate_fashioniq.generate(seed=0, image_size=32, n_gallery=48, n_queries=12, data_root=tmp_path)

    def contents(root):
        return {path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()}

    assert contents(tmp_path) == contents(world)
    assert len(contents(world)) == 48 + 24 + 2 * 2 * 3 + 1
