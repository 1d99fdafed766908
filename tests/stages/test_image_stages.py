"""The stages from annotation files to features, as the workflow runs them."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cirque import submissions
from cirque.commands import check_submission
from cirque.encoders.features import load_features
from cirque.errors import CirqueError
from cirque.stages import extract_features as features
from cirque.stages import list_images, parse_queries
from cirque.stages import shard_images as shard
from cirque.store import files, schemas
from tests import tiny

NAMES = [f"dev-{i}" for i in range(24)]


class World:
    """A small CIRR val on disk and the stages that read it."""

    def __init__(self, root: Path) -> None:
        self.data = root / "data"
        self.out = root / "results"
        self.images = self.out / "images.parquet"
        self.weights = self.out / "weights.safetensors"
        tiny.save_pictures(self.data, "CIRR/dev", NAMES)
        self.annotate()

    def annotate(self) -> None:
        records = [
            {
                "pairid": 100 + i,
                "reference": NAMES[i],
                "target_hard": NAMES[i + 2],
                "caption": "is darker",
                "img_set": {"id": i, "members": NAMES[i : i + 6]},
            }
            for i in range(18)
        ]
        for split, content in (("val", records), ("test1", [{**r, "target_hard": None} for r in records])):
            captions = self.data / f"CIRR/cirr/captions/cap.rc2.{split}.json"
            images = self.data / f"CIRR/cirr/image_splits/split.rc2.{split}.json"
            files.write_json(captions, content)
            files.write_json(images, {name: f"./dev/{name}.png" for name in NAMES})

    def picture(self, name: str) -> Path:
        return self.data / f"CIRR/dev/{name}.png"

    def list_images(self, n_images: int = 24, shard_size: int = 10, split: str = "val") -> None:
        list_images.main(
            dataset="cirr", split=split, image_set=f"cirr_{split}", n_images=n_images, shard_size=shard_size,
            data_root=self.data, output=self.images,
        )  # fmt: skip

    def shard(self, number: int) -> Path:
        path = self.out / f"{number:05d}.tar"
        shard.main(images=self.images, shard=number, data_root=self.data, output=path)
        return path

    def features(self, *shards: int, max_failed: int = 0, threads: int = 1) -> Path:
        path = self.out / f"{shards[0]:05d}.parquet"
        if not self.weights.exists():
            tiny.save_weights(self.weights)
        features.main(
            shards_of_part=[self.out / f"{number:05d}.tar" for number in shards],
            images=self.images, weights=self.weights, preprocess="targetpad",
            max_failed=max_failed, output=path, threads=threads, device="cpu",
        )  # fmt: skip
        return path


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


# ---- list_images ---------------------------------------------------------------------------------------------------


def test_images_are_listed_in_gallery_order_with_shard_and_key(world: World):
    world.list_images()
    rows = files.read_table(world.images).to_pylist()
    assert files.read_table(world.images).schema.equals(schemas.IMAGES)
    assert [row["image_id"] for row in rows] == NAMES
    assert [row["shard"] for row in rows] == [0] * 10 + [1] * 10 + [2] * 4
    assert rows[11] == {"image_id": "dev-11", "path": "CIRR/dev/dev-11.png", "shard": 1, "key": "cirr_val-000000011"}


def test_missing_images_are_counted_and_the_message_says_where_to_put_them(world: World):
    for name in NAMES[3:15]:
        world.picture(name).unlink()
    with pytest.raises(CirqueError) as error:
        world.list_images()
    assert str(error.value) == (
        f"CIRR val: 12 of 24 images missing (first: dev-3); put them in {world.data}/CIRR/dev; see docs/data.md#cirr"
    )
    assert not world.images.exists()


def test_another_count_than_the_configuration_says_is_refused(world: World):
    with pytest.raises(CirqueError, match="CIRR val: 24 images are listed, but n_images in the configuration is 25"):
        world.list_images(n_images=25)


# ---- shard ---------------------------------------------------------------------------------------------------------


def test_a_shard_is_byte_identical_when_made_again(world: World):
    world.list_images()
    first = world.shard(1).read_bytes()
    assert world.shard(1).read_bytes() == first


def test_a_missing_image_counts_those_of_the_whole_set(world: World):
    world.list_images()
    for name in ("dev-1", "dev-23"):
        world.picture(name).unlink()
    with pytest.raises(CirqueError, match=r"cirr_val: 2 of 24 images missing \(first: dev-1\); put them in .*CIRR/dev"):
        world.shard(0)
    assert not (world.out / "00000.tar").exists()
    world.shard(1)  # nothing of it is missing


# ---- features ------------------------------------------------------------------------------------------------------


def test_features_are_the_same_to_the_last_bit_for_any_sharding_and_number_of_threads(world: World):
    results = []
    for shard_size, threads in ((10, 1), (24, 2), (5, 3)):
        world.list_images(shard_size=shard_size)
        paths = []
        for number in range(-(-24 // shard_size)):
            world.shard(number)
            paths.append(world.features(number, threads=threads))
        results.append(load_features(paths))
    for ids, values in results:
        assert ids == NAMES
        np.testing.assert_array_equal(values, results[0][1])


def test_a_part_of_several_shards_has_their_features_in_order(world: World):
    world.list_images()
    each = [world.features(int(world.shard(number).stem)) for number in range(3)]
    ids, values = load_features(each)
    of_part, together = load_features([world.features(0, 1, 2)])
    assert of_part == ids == NAMES
    np.testing.assert_array_equal(together, values)


def test_images_that_fail_are_counted_over_all_shards_of_a_part(world: World):
    for name in ("dev-2", "dev-13"):
        world.picture(name).write_bytes(b"")
    world.list_images()
    for number in range(2):
        world.shard(number)
    with pytest.raises(
        CirqueError, match=r"00000\.tar, .*00001\.tar: 2 of 20 images failed and max_failed is 1 \(dev-2"
    ):
        world.features(0, 1, max_failed=1)


def test_features_made_again_are_byte_identical(world: World):
    world.list_images()
    world.shard(2)
    first = world.features(2).read_bytes()
    assert world.features(2).read_bytes() == first


def test_an_unreadable_image_is_an_error_unless_the_configuration_allows_it(world: World):
    world.picture("dev-2").write_bytes(b"")
    world.picture("dev-5").write_bytes(world.picture("dev-5").read_bytes()[:200])
    world.list_images()
    world.shard(0)
    with pytest.raises(CirqueError, match=r"2 of 10 images failed and max_failed is 1 \(dev-2: empty file, dev-5: "):
        world.features(0, max_failed=1)
    assert not (world.out / "00000.parquet").exists()
    table = files.read_table(world.features(0, max_failed=2)).to_pylist()
    assert [row["image_id"] for row in table] == NAMES[:10]
    assert [row["image_id"] for row in table if row["status"] != "ok"] == ["dev-2", "dev-5"]


def test_a_truncated_shard_is_an_error_and_never_fewer_rows(world: World):
    world.list_images()
    path = world.shard(0)
    whole = path.read_bytes()
    for length in (0, 1000, 10240, len(whole) // 2 // 512 * 512):
        path.write_bytes(whole[:length])
        with pytest.raises(CirqueError, match=r"00000\.tar: .*delete it and run Snakemake again"):
            world.features(0)
    assert not (world.out / "00000.parquet").exists()


def test_weights_that_give_no_number_are_refused(world: World, monkeypatch: pytest.MonkeyPatch):
    world.list_images()
    world.shard(0)
    nothing = np.full((32, 16), np.nan, np.float32)
    monkeypatch.setattr("cirque.encoders.extraction.encoder", lambda *_: lambda pixels: nothing)
    with pytest.raises(CirqueError, match="the feature of dev-0, dev-1, dev-2 and 7 more is not finite"):
        world.features(0)
    assert not (world.out / "00000.parquet").exists()


# ---- parse_queries and submission ----------------------------------------------------------------------------------


def parse(world: World, split: str, **more: Path | str) -> tuple[Path, Path]:
    queries, gallery = world.out / "queries.parquet", world.out / "gallery.parquet"
    parse_queries.main(
        dataset="cirr", split=split, data_root=world.data, images=world.images, queries=queries, gallery=gallery, **more
    )  # fmt: skip
    return queries, gallery


def test_queries_and_gallery_are_written_in_the_order_of_the_files(world: World):
    world.list_images()
    queries, gallery = parse(world, "val")
    rows = files.read_table(queries).to_pylist()
    assert files.read_table(queries).schema.equals(schemas.QUERIES)
    assert [row["query_id"] for row in rows] == [str(100 + i) for i in range(18)]
    assert rows[0]["target_ids"] == ["dev-2"]
    candidates = files.read_table(gallery)
    assert candidates.schema.equals(schemas.GALLERY)
    assert candidates["image_id"].to_pylist() == NAMES
    assert candidates.to_pylist()[13] == {
        "image_id": "dev-13", "group": "", "shard": 1, "key": "cirr_val-000000013", "crop": None,
    }  # fmt: skip


def test_a_caption_that_does_not_fit_the_context_with_its_prompt_is_named_and_nothing_is_written(world: World):
    world.list_images()
    with pytest.raises(CirqueError, match=r"CIRR val, query 100: is [0-9]+ tokens long in"):
        parse(world, "val", prompt="a photo of $ that is " + "very " * 80 + "{caption}")
    assert not (world.out / "queries.parquet").exists()


def test_answers_and_captions_of_generated_data_are_taken_in(world: World):
    world.list_images(split="test1")
    answers = {str(100 + i): NAMES[i + 1] for i in range(18)}
    files.write_json(world.data / "answers.json", answers)
    files.write_json(world.data / "captions.json", dict.fromkeys(NAMES, "a dark star"))
    queries, _ = parse(world, "test1", answers=world.data / "answers.json", full_captions=world.data / "captions.json")
    rows = files.read_table(queries).to_pylist()
    assert {row["query_id"]: row["target_ids"][0] for row in rows} == answers
    assert {row["full_caption"] for row in rows} == {"a dark star"}


def test_an_image_set_of_another_split_is_refused(world: World):
    world.list_images()
    images = {name: f"./dev/{name}.png" for name in reversed(NAMES)}
    files.write_json(world.data / "CIRR/cirr/image_splits/split.rc2.val.json", images)
    with pytest.raises(CirqueError, match="lists other images than CIRR val has"):
        parse(world, "val")


def ranked(world: World, queries: Path) -> Path:
    """Rankings in gallery order, which is as good as any here."""
    rows = [
        {
            "query_id": query["query_id"], "group": "", "tags": [], "target_ranks": [], "subset_rank": None,
            "n_candidates": 23, "top_ids": [n for n in NAMES if n != query["reference_id"]],
            "top_scores": [0.0] * 23, "subset_ids": query["subset_ids"],
        }
        for query in files.read_table(queries).to_pylist()
    ]  # fmt: skip
    files.write_rows(world.out / "rankings.parquet", rows, schemas.RANKINGS)
    return world.out / "rankings.parquet"


def submit(world: World, rankings: Path, queries: Path, gallery: Path) -> tuple[Path, Path]:
    recall, subset = world.out / "recall.json", world.out / "recall_subset.json"
    rows, asked = files.read_table(rankings).to_pylist(), files.read_table(queries).to_pylist()
    names = files.read_table(gallery)["image_id"].to_pylist()
    submissions.write_all("cirr", rows, asked, names, {"recall": recall, "recall_subset": subset})
    return recall, subset


def test_rankings_become_two_server_files_that_the_check_accepts(world: World, capsys: pytest.CaptureFixture[str]):
    world.list_images(split="test1")
    queries, gallery = parse(world, "test1")
    recall, subset = submit(world, ranked(world, queries), queries, gallery)
    content = json.loads(subset.read_text())
    assert content["100"] == NAMES[1:4]
    assert len(json.loads(recall.read_text())) == 18 + 2
    for path, metric in ((recall, "recall"), (subset, "recall_subset")):
        check_submission.main(path, data_root=world.data)
        assert f"scored for {metric}" in capsys.readouterr().err


def test_rankings_that_lack_a_query_write_no_server_file(world: World):
    world.list_images(split="test1")
    queries, gallery = parse(world, "test1")
    rankings = ranked(world, queries)
    rows = files.read_table(rankings).to_pylist()
    files.write_rows(rankings, rows[1:], schemas.RANKINGS)
    with pytest.raises(CirqueError, match=r"recall\.json: lacks 1 of 18 pairs \(100\)"):
        submit(world, rankings, queries, gallery)
    assert not list(world.out.glob("*.json"))


# ---- the command line ----------------------------------------------------------------------------------------------


def test_the_command_line_ends_with_a_sentence_and_status_one(world: World):
    world.picture("dev-7").unlink()
    command = "list_images --dataset cirr --split val --image-set cirr_val --n-images 24 --shard-size 10"
    paths = ["--data-root", str(world.data), "--output", str(world.images)]
    run = subprocess.run(
        [sys.executable, "-m", "cirque", *command.split(), *paths], capture_output=True, text=True, check=False
    )
    assert run.returncode == 1
    assert "cirque list_images: CIRR val: 1 of 24 images missing (first: dev-7)" in run.stderr
    assert "Traceback" not in run.stderr
