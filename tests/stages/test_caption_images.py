"""The stages of the captioner: training it, and captioning the references of a shard."""

import json
from pathlib import Path

import pytest
import torch

from cirque.encoders import backbones, captioners
from cirque.encoders.captioners import Generation
from cirque.errors import CirqueError
from cirque.mini.generators import captioned
from cirque.stages import caption_images, train_captioner
from cirque.store import files, schemas
from cirque.trainers.coca import Settings
from tests import small_captioner
from tests.stages.test_image_stages import World

GENERATION = Generation(beams=2, min_length=3, max_length=8)


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.list_images(shard_size=15)
    world.shard(0)
    world.shard(1)
    return world


@pytest.fixture
def queries(world: World) -> list[Path]:
    """Two benchmarks over the images; the references are dev-1, dev-14, dev-16 and, of both, dev-3."""
    paths = []
    for number, references in enumerate((["dev-3", "dev-1", "dev-3"], ["dev-16", "dev-3", "dev-14"])):
        rows = [
            {"query_id": f"{row}", "reference_id": name, "captions": ["is red"]} for row, name in enumerate(references)
        ]
        paths.append(world.out / f"{number}.queries.parquet")
        files.write_rows(paths[-1], rows, schemas.QUERIES)
    return paths


def run(world: World, queries: list[Path], number: int, weights: Path, max_failed: int = 0) -> list[dict[str, str]]:
    output = world.out / "captions" / f"{number:05d}.parquet"
    caption_images.main(
        shards_of_part=[world.out / f"{number:05d}.tar"],
        images=world.images,
        queries=queries,
        weights=weights,
        preprocess="clip",
        generation=GENERATION,
        max_failed=max_failed,
        output=output,
        device="cpu",
    )
    return files.read_table(output).to_pylist()


def test_only_references_are_captioned_in_the_order_of_the_shard(world: World, queries: list[Path]) -> None:
    weights = small_captioner.write(world.out)
    first, second = (run(world, queries, number, weights) for number in (0, 1))
    assert [row["image_id"] for row in first] == ["dev-1", "dev-3", "dev-14"]
    assert [row["image_id"] for row in second] == ["dev-16"]
    assert {row["status"] for row in [*first, *second]} == {"ok"}
    assert len({row["caption"] for row in [*first, *second]}) > 1


def test_a_shard_without_references_has_a_file_without_rows(world: World, queries: list[Path]) -> None:
    assert run(world, queries[:1], 1, small_captioner.write(world.out)) == []


def test_a_broken_reference_has_its_reason_and_shifts_no_caption(world: World, queries: list[Path]) -> None:
    weights = small_captioner.write(world.out)
    whole = run(world, queries, 0, weights)
    world.picture("dev-3").write_bytes(b"no picture")
    world.shard(0)
    with pytest.raises(CirqueError, match=r"1 of 15 images failed and max_failed is 0 \(dev-3: not an image"):
        run(world, queries, 0, weights)
    broken = run(world, queries, 0, weights, max_failed=1)
    assert [broken[0], broken[2]] == [whole[0], whole[2]]
    assert broken[1]["caption"] is None
    assert broken[1]["status"].startswith("not an image")


def test_a_model_that_says_nothing_leaves_empty_captions_and_the_log_counts_them(
    world: World, queries: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    silent = small_captioner.write(world.out, small_captioner.that_repeats(small_captioner.START))
    assert [row["caption"] for row in run(world, queries, 0, silent)] == ["", "", ""]
    assert "3 captions, 3 of them empty; 0 images failed" in capsys.readouterr().err


def test_a_trained_captioner_is_written_and_loads(tmp_path: Path) -> None:
    captioned.generate(
        seed=0, image_size=32, n_captioned=20, n_styled=0, n_composed=0, n_sentences=1, data_root=tmp_path
    )
    configs = tmp_path / "configs"
    configs.mkdir()
    (configs / "small.json").write_text(json.dumps(small_captioner.CONFIG))
    weights = tmp_path / "out" / "weights.safetensors"
    train_captioner.main(
        captions=tmp_path / "captions/images.tar",
        model="small",
        model_configs=configs,
        settings=Settings(1, batch=8, learning_rate=1e-3, weight_decay=0.1, warmup=1, longest_caption=18),
        seed=0,
        work=tmp_path / "work",
        weights=weights,
        device="cpu",
    )
    assert not (tmp_path / "work").exists()
    assert captioners.load(weights, torch.device("cpu")).name == "small"
    assert json.loads(backbones.side_car(weights).read_text())["source"] == "trained"
