"""Triplets of a train split as a stage file."""

import json
from pathlib import Path

import pytest

from cirque.errors import CirqueError
from cirque.mini.generators import cirr, fashioniq
from cirque.stages import parse_triplets
from cirque.store import files, schemas


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("world")
    for generator in (cirr, fashioniq):
        generator.generate(seed=0, image_size=32, n_gallery=48, n_queries=12, data_root=root)
    return root


@pytest.mark.parametrize(("dataset", "n_triplets", "n_captions"), [("cirr", 48, 1), ("fashioniq", 48, 2)])
def test_triplets_of_the_mini_world_are_those_of_its_files(
    world: Path, tmp_path: Path, dataset: str, n_triplets: int, n_captions: int
) -> None:
    output = tmp_path / "triplets.parquet"
    parse_triplets.main(dataset=dataset, split="train", data_root=world, output=output)
    rows = files.read_table(output, schemas.TRIPLETS.names).to_pylist()
    assert len(rows) == n_triplets
    assert {len(row["captions"]) for row in rows} == {n_captions}
    if dataset == "cirr":
        records = json.loads((world / "CIRR/cirr/captions/cap.rc2.train.json").read_text())
        assert rows == [
            {"reference_id": one["reference"], "captions": [one["caption"]], "target_id": one["target_hard"]}
            for one in records
        ]


@pytest.mark.parametrize(
    ("dataset", "split", "message"),
    [
        ("cirr", "test1", "its targets are hidden"),
        ("fashioniq", "test", "its targets are not public"),
        ("circo", "val", "data set circo: lists no triplets one by one"),
    ],
)
def test_a_split_that_teaches_nothing_is_refused_and_leaves_no_file(
    world: Path, tmp_path: Path, dataset: str, split: str, message: str
) -> None:
    output = tmp_path / "triplets.parquet"
    with pytest.raises(CirqueError, match=message):
        parse_triplets.main(dataset=dataset, split=split, data_root=world, output=output)
    assert not output.exists()
