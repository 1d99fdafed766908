import json
from pathlib import Path

import pytest

from cirque.datasets import circo as parser
from cirque.errors import CirqueError
from cirque.mini import circo
from cirque.mini.captions import full_caption
from cirque.mini.generators import circo as generate_circo
from cirque.mini.scenes import VALUES, Scene, change, differences

N_GALLERY, N_QUERIES = 600, 90


@pytest.fixture(scope="module")
def gallery() -> circo.Gallery:
    return circo.make_gallery(0, N_GALLERY)


@pytest.fixture(scope="module")
def queries(gallery: circo.Gallery) -> list[circo.Query]:
    return circo.make_queries(0, "val", gallery, N_QUERIES)


def test_the_gallery_holds_different_scenes_under_different_numbers(gallery: circo.Gallery):
    assert len(set(gallery.scenes)) == len(set(gallery.ids)) == len(set(gallery.file_names())) == N_GALLERY
    assert all(len(name) == len("000000271520.jpg") for name in gallery.file_names())


def test_ground_truths_are_all_images_that_keep_what_is_kept_and_show_what_is_asked(
    gallery: circo.Gallery, queries: list[circo.Query]
):
    for query in queries:
        meeting = {change(query.wanted, query.open, value) for value in VALUES[query.open]}
        assert set(query.truths) == {i for i, scene in enumerate(gallery.scenes) if scene in meeting}
        assert len(set(query.truths)) == len(query.truths)
        assert query.reference not in query.truths


def test_what_is_asked_differs_from_the_reference_in_one_attribute_or_two_and_never_in_the_open_one(
    gallery: circo.Gallery, queries: list[circo.Query]
):
    for query in queries:
        changed = differences(gallery.scenes[query.reference], query.wanted)
        assert 1 <= len(changed) <= 2
        assert query.open not in changed


def test_the_target_is_the_image_that_keeps_the_open_attribute_too_where_there_is_one(
    gallery: circo.Gallery, queries: list[circo.Query]
):
    for query in queries:
        if query.wanted in gallery.scenes:
            assert gallery.scenes[query.truths[0]] == query.wanted


def test_there_are_several_ground_truths_on_average(queries: list[circo.Query]):
    assert sum(len(query.truths) for query in queries) / len(queries) > 1.5


def test_aspects_are_circos_and_every_query_has_one(queries: list[circo.Query]):
    assert all(query.aspects and set(query.aspects) <= set(parser.ASPECTS) for query in queries)
    assert {aspect for query in queries for aspect in query.aspects} == set(parser.ASPECTS) - {"viewpoint"}


def test_a_full_caption_leaves_the_open_attribute_out():
    scene = Scene("star", "red", 3, "striped")
    assert full_caption(scene, "colour") == "a photo of three stars on a striped background"
    assert full_caption(scene, "shape") == "a photo of three red shapes on a striped background"
    assert full_caption(scene, "count") == "a photo of red stars on a striped background"
    assert full_caption(scene, "background") == "a photo of three red stars"


def test_the_same_seed_gives_the_same_and_splits_differ(gallery: circo.Gallery, queries: list[circo.Query]):
    assert circo.make_gallery(0, N_GALLERY) == gallery
    assert circo.make_queries(0, "val", gallery, N_QUERIES) == queries
    assert circo.make_queries(0, "val", gallery, 10) == queries[:10]
    assert circo.make_queries(0, "test", gallery, 10) != queries[:10]


def test_more_images_than_scenes_are_refused():
    with pytest.raises(CirqueError, match="the world has 2304 different scenes, 3000 were asked for"):
        circo.make_gallery(0, 3000)


def test_too_small_a_gallery_has_no_query():
    lonely = circo.Gallery([Scene("star", "red", 1, "plain")], [1])
    with pytest.raises(CirqueError, match="too few images"):
        circo.make_queries(0, "val", lonely, 1)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("world")
    generate_circo.generate(seed=3, image_size=32, n_gallery=60, n_queries=12, data_root=root)
    return root


@pytest.mark.parametrize("split", circo.SPLITS)
def test_what_is_written_parses_as_the_official_files_do(written: Path, split: str):
    answers = written / "CIRCO/mini/answers.test.json" if split == "test" else None
    rows = parser.queries(written, split, answers, written / "CIRCO/mini/full_captions.json")
    assert len(rows) == 12
    assert all(row["target_ids"] and row["full_caption"] for row in rows)
    images = parser.images(written, split)
    assert len(images) == 60
    assert all((written / path).is_file() for _, path in images)


def test_test_hides_its_ground_truths(written: Path):
    content = json.loads((written / "CIRCO/annotations/test.json").read_text())
    assert set(content[0]) == {"id", "reference_img_id", "relative_caption", "shared_concept"}


def test_files_made_again_have_the_same_bytes(written: Path, tmp_path: Path):
    generate_circo.generate(seed=3, image_size=32, n_gallery=60, n_queries=12, data_root=tmp_path)
    files = [path.relative_to(written) for path in sorted(written.rglob("*")) if path.suffix in (".json", ".jpg")]
    assert len(files) > 60
    assert all((tmp_path / file).read_bytes() == (written / file).read_bytes() for file in files)
