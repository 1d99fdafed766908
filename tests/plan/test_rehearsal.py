"""What a rehearsal copies, draws and leaves out, of whatever annotation files there are."""

from pathlib import Path

import pytest

from cirque import datasets
from cirque.errors import CirqueError
from cirque.plan import rehearsal
from cirque.store import files
from tests.conftest import REPOSITORY
from tests.plan.test_config import laid_over


def at(folder: Path) -> dict:
    return {**laid_over("rehearsal", "paper"), "annotations": str(folder)}


def test_with_the_official_files_all_benchmarks_are_rehearsed_but_the_one_that_lacks_its_instances(annotations):
    config = at(annotations)
    assert rehearsal.tables(config) == ["cirr", "fashioniq", "imagenet_r", "genecis", "circo"]
    reason = f"no coco/annotations/instances_val2017.json in {annotations}"
    assert rehearsal.left_out(config) == {"coco": reason}
    assert [need.dataset for need in rehearsal.image_sets(config)] == [
        *("cirr", "cirr", "fashioniq", "imagenet_r", "genecis", "circo"),
    ]
    assert list(rehearsal.unlisted(config)) == [datasets.load("circo").annotation_files("unlabeled")["split"]]


def test_without_annotation_files_nothing_is_rehearsed_and_each_table_says_why(tmp_path):
    config = at(tmp_path)
    assert rehearsal.tables(config) == []
    assert set(rehearsal.left_out(config)) == set(config["rehearse"])
    assert rehearsal.copied(config) == []


def test_every_zero_shot_benchmark_is_rehearsed_and_no_table_trains_for_it():
    config = laid_over("rehearsal", "paper")
    own = {config["benchmarks"][name]["dataset"] for table in config["rehearse"] for name in _benchmarks(config, table)}
    zero_shot = {entry["dataset"] for entry in config["benchmarks"].values() if not _is_trained(entry)}
    assert own == zero_shot


def _benchmarks(config: dict, table: str) -> list[str]:
    return list(config["tables"][table]["benchmarks"])


def _is_trained(entry: dict) -> bool:
    return entry["dataset"] in {"css", "fashion200k", "mitstates", "mitstates_pairs"}


def test_an_unknown_table_is_named(tmp_path):
    with pytest.raises(CirqueError, match="no table is called crico"):
        rehearsal.left_out({**at(tmp_path), "rehearse": ["crico"]})


@pytest.mark.parametrize("image_set", ["cirr_val", "cirr_test1", "fashioniq_val", "genecis", "imagenet_r"])
def test_the_official_lists_name_as_many_images_as_the_configuration_says(annotations, image_set):
    entry = laid_over("rehearsal", "paper")["image_sets"][image_set]
    listed = datasets.load(entry["dataset"]).images(annotations, entry["split"])
    assert len(listed) == entry["n_images"]
    drawn = datasets.files_of_images(entry["dataset"], annotations, entry["split"])
    assert set(drawn) == {path for _, path in listed}


def test_circos_stand_in_has_the_true_size_and_every_image_that_queries_name(annotations, tmp_path):
    (tmp_path / "CIRCO").mkdir()
    (tmp_path / "CIRCO/annotations").symlink_to(annotations / "CIRCO/annotations")
    circo = datasets.load_benchmark("circo")
    make = datasets.stand_in_list("circo")
    assert make is not None
    files.write_json(tmp_path / circo.annotation_files("unlabeled")["split"], make(tmp_path, 123403))
    assert len(circo.images(tmp_path, "unlabeled")) == 123403
    assert (len(circo.queries(tmp_path, "val")), len(circo.queries(tmp_path, "test"))) == (220, 800)
    with pytest.raises(CirqueError, match="more than n_images"):
        make(tmp_path, 100)


def test_a_picture_of_genecis_holds_every_box_that_is_cut_from_it(annotations):
    genecis = datasets.load("genecis")
    sizes = datasets.files_of_images("genecis", annotations, "v0")
    for image_id, path in genecis.images(annotations, "v0"):
        if "@" in image_id:
            x, y, width, height = map(float, image_id.partition("@")[2].split(","))
            size = sizes[path]
            assert size is not None
            assert x + width <= size[0]
            assert y + height <= size[1]


def test_of_coco_the_photographs_are_drawn_at_their_size(tmp_path):
    coco = datasets.load("coco")
    images = [{"file_name": "000000000009.jpg", "width": 640, "height": 480, "id": 9}]
    files.write_json(tmp_path / coco.GIVEN[0], {"images": images})  # type: ignore[attr-defined]
    drawn = datasets.files_of_images("coco", tmp_path, "val2017")
    assert drawn == {"coco/val2017/000000000009.jpg": (640, 480)}


def test_the_rules_name_no_data_set():
    text = (REPOSITORY / "workflow/rules/rehearse.smk").read_text() + (
        REPOSITORY / "src/cirque/stages/draw_pictures.py"
    ).read_text()
    assert not [name for name in datasets.names() if f'"{name}' in text]
