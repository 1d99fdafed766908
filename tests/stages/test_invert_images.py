import dataclasses
import itertools
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import Tensor

from cirque.errors import CirqueError
from cirque.inversion import oti, oti_batches
from cirque.plan.calls import flags
from cirque.store import files, schemas, vectors
from cirque.texts import phrase_pool
from tests import small_searle
from tests.stages.family_stage import stage_of

SETTINGS = oti.Settings(
    steps=5,
    learning_rate=0.02,
    weight_decay=0.01,
    init_std=0.02,
    lambda_cos=1.0,
    lambda_gpt=0.5,
    ema_decay=0.9,
    n_concepts=3,
    batch=4,
    replace="first",
    regulariser="phrases",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("oti")
    small_searle.write_backbone(root)
    small_searle.write_images(root)
    small_searle.write_phrases(root)
    write_queries(root / "queries.parquet", [small_searle.IMAGES[row] for row in (9, 7, 9, 0)])
    return root


def write_queries(path: Path, references: list[str]) -> Path:
    rows = [
        {"query_id": str(number), "reference_id": name, "captions": ["is red"], "target_ids": []}
        for number, name in enumerate(references)
    ]
    files.write_rows(path, rows, schemas.QUERIES)
    return path


def inputs(folder: Path, shard: int = 1) -> dict[str, list[Path] | Path]:
    return {
        "features": folder / "features" / f"{shard:05d}.parquet",
        "concepts": folder / "concepts.parquet",
        "phrases": sorted((folder / "phrases").glob("*.parquet")),
        "phrase_features": sorted((folder / "phrase_features").glob("*.parquet")),
        "weights": folder / "weights.safetensors",
    }


def run(folder: Path, out: Path, settings: oti.Settings = SETTINGS, shard: int = 1, **other: object) -> bytes:
    stage_of("invert_images", "oti")(
        **{**inputs(folder, shard), **other},  # type: ignore[arg-type]
        settings=settings,
        seed=0,
        work=out / "work",
        output=out / "tokens.parquet",
        threads=1,
        device="cpu",
    )
    return (out / "tokens.parquet").read_bytes()


def read(out: Path) -> tuple[list[str], np.ndarray]:
    return vectors.read([out / "tokens.parquet"], "image_id", "token")


def test_every_good_image_of_a_shard_gets_a_token_in_the_shards_order(folder: Path, tmp_path: Path) -> None:
    run(folder, tmp_path)
    names, tokens = read(tmp_path)
    assert names == small_searle.IMAGES[6:]  # the one that failed is left out
    assert tokens.shape == (5, small_searle.TOKEN_DIM)
    assert files.read_table(tmp_path / "tokens.parquet").schema.equals(schemas.tokens(small_searle.TOKEN_DIM))
    assert not (tmp_path / "work").exists()


def test_with_queries_only_references_are_inverted_once_each(folder: Path, tmp_path: Path) -> None:
    run(folder, tmp_path, queries=[folder / "queries.parquet"])
    run(folder, tmp_path / "all")
    names, tokens = read(tmp_path)
    everyone, all_tokens = read(tmp_path / "all")
    assert names == [small_searle.IMAGES[7], small_searle.IMAGES[9]]
    assert abs(tokens - all_tokens[[everyone.index(name) for name in names]]).max() < 1e-4


def test_queries_of_several_benchmarks_are_put_together(folder: Path, tmp_path: Path) -> None:
    other = write_queries(tmp_path / "other.parquet", [small_searle.IMAGES[8]])
    run(folder, tmp_path, queries=[folder / "queries.parquet", other])
    assert read(tmp_path)[0] == small_searle.IMAGES[7:10]


def test_a_shard_without_a_reference_gives_an_empty_table(folder: Path, tmp_path: Path) -> None:
    other = write_queries(tmp_path / "other.parquet", [small_searle.IMAGES[0]])
    run(folder, tmp_path, queries=[other])
    table = files.read_table(tmp_path / "tokens.parquet")
    assert table.num_rows == 0
    assert table.schema.equals(schemas.tokens(small_searle.TOKEN_DIM))


def test_the_same_inputs_give_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    assert run(folder, tmp_path / "a") == run(folder, tmp_path / "b")


def test_seed_and_settings_change_the_tokens(folder: Path, tmp_path: Path) -> None:
    run(folder, tmp_path)
    run(folder, tmp_path / "other", dataclasses.replace(SETTINGS, lambda_gpt=0.0))
    assert abs(read(tmp_path)[1] - read(tmp_path / "other")[1]).max() > 0.01


ABSENT = Path("absent.parquet")

#: The ablations of SEARLE Table 4, and the inputs that they do without.
ABLATIONS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "w/o GPT reg": ({"regulariser": "prompt"}, {"phrases": [ABSENT], "phrase_features": [ABSENT]}),
    "random reg": ({"regulariser": "random-word"}, {"concepts": ABSENT, "phrase_features": [ABSENT]}),
    "w/o reg": ({"lambda_gpt": 0.0}, {"concepts": ABSENT, "phrases": [ABSENT], "phrase_features": [ABSENT]}),
}


@pytest.mark.parametrize("ablation", ABLATIONS)
def test_what_an_ablation_leaves_out_is_not_read(
    folder: Path, tmp_path: Path, ablation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes, absent = ABLATIONS[ablation]
    given: list[tuple[oti_batches.Images, phrase_pool.PhrasePool | None]] = []
    real = oti.optimise
    monkeypatch.setattr(oti, "optimise", lambda *all_, **named: (given.append(all_[1:3]), real(*all_, **named))[1])
    run(folder, tmp_path, dataclasses.replace(SETTINGS, **changes), **absent)
    assert read(tmp_path)[1].shape == (5, small_searle.TOKEN_DIM)
    [(images, pool)] = given
    if pool is None:
        assert ablation == "w/o reg"
        return
    texts = [{pool.phrase(pool.starts[row]) for row in rows} for rows in images.concepts]
    nearest = [np.roll(small_searle.CONCEPTS, -number)[:3] for number in range(6, 11)]
    if ablation == "random reg":
        nearest = [np.array(small_searle.CONCEPTS)] * 5
    assert texts == [{f"a photo of {name}" for name in names} for names in nearest]
    assert set(np.diff(pool.starts)) == {1}


@pytest.mark.parametrize("ablation", ABLATIONS)
def test_an_ablation_that_was_cut_off_ends_with_the_same_bits(
    folder: Path, tmp_path: Path, ablation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = dataclasses.replace(SETTINGS, **ABLATIONS[ablation][0])
    whole = run(folder, tmp_path / "whole", settings)
    real, steps = oti._step, []

    def step(batch: oti_batches.Batch, state: oti.State, *given: Any, **settings: Any) -> Tensor:
        steps.append(state.step)
        if len(steps) == 4:
            raise KeyboardInterrupt
        return real(batch, state, *given, **settings)

    monkeypatch.setattr(oti, "_step", step)
    with pytest.raises(KeyboardInterrupt):
        run(folder, tmp_path, settings, seconds_between_saves=0.0)
    assert run(folder, tmp_path, settings) == whole
    assert steps == [0, 1, 2, 3, 3, 4, 0, 1, 2, 3, 4]  # batches of four images and of one


def test_each_ablation_finds_tokens_of_its_own(folder: Path, tmp_path: Path) -> None:
    variants = [{}, *(changes for changes, _ in ABLATIONS.values())]
    tokens = []
    for number, changes in enumerate(variants):
        run(folder, tmp_path / str(number), dataclasses.replace(SETTINGS, **changes))
        tokens.append(read(tmp_path / str(number))[1])
    differences = [abs(one - other).max() for one, other in itertools.combinations(tokens, 2)]
    assert min(differences) > 0.01


def test_only_the_phrases_of_needed_concepts_are_kept(folder: Path) -> None:
    given = inputs(folder)
    pool = phrase_pool.load(given["phrases"], given["phrase_features"], {"Cat", "Box"})  # type: ignore[arg-type]
    whole = phrase_pool.load(given["phrases"], given["phrase_features"])  # type: ignore[arg-type]
    assert list(pool.rows) == ["Cat", "Box"]
    assert [pool.phrase(row) for row in range(6)] == [*map(whole.phrase, [3, 4, 5, 12, 13, 14])]
    assert np.array_equal(pool.features, whole.features[[3, 4, 5, 12, 13, 14]])


def test_an_image_without_concepts_is_an_error_that_names_it(folder: Path, tmp_path: Path) -> None:
    rows = files.read_table(folder / "concepts.parquet").to_pylist()
    files.write_rows(tmp_path / "concepts.parquet", rows[:-1], schemas.CONCEPTS)
    with pytest.raises(CirqueError, match=r"1 of 5 images have no concepts \(first: ILSVRC2012_test_00000011.JPEG"):
        run(folder, tmp_path, concepts=tmp_path / "concepts.parquet")


def test_an_image_whose_concepts_are_all_lost_is_an_error_that_names_it(folder: Path, tmp_path: Path) -> None:
    for path in inputs(folder)["phrases"]:  # type: ignore[union-attr]
        rows = files.read_table(path).to_pylist()
        lost = [{**row, "phrases": ["a photo of nothing", *row["phrases"][1:]]} for row in rows]
        files.write_rows(tmp_path / path.name, lost, schemas.PHRASES)
    with pytest.raises(CirqueError, match=r"image ILSVRC2012_test_00000007.JPEG: none of its 3 nearest concepts"):
        run(folder, tmp_path, phrases=sorted(tmp_path.glob("0*.parquet")))
    assert not (tmp_path / "tokens.parquet").exists()


def test_features_of_another_backbone_are_refused(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "features.parquet"
    table = files.read_table(inputs(folder)["features"]).slice(0, 5)  # type: ignore[arg-type]
    values = np.ones((5, 12), dtype=np.float32)
    files.write_table(
        path,
        table.drop_columns("feature").add_column(1, "feature", vectors.column(values)).cast(schemas.features(12)),
        schemas.features(12),
    )
    with pytest.raises(CirqueError, match="features of 12 dimensions, but backbone small has 8"):
        run(folder, tmp_path, features=path)


def test_what_does_not_belong_to_inversion_stays_in_the_work_folder(folder: Path, tmp_path: Path) -> None:
    stale, foreign = tmp_path / "work" / "0123456789abcdef", tmp_path / "work" / "notes"
    for path in (stale, foreign):
        path.mkdir(parents=True)
        (path / "000000000.safetensors").write_bytes(b"something else")
    fresh = run(folder, tmp_path / "fresh")
    assert run(folder, tmp_path) == fresh
    assert foreign.exists()
    assert not stale.exists()


def test_a_loss_that_is_no_number_leaves_no_file(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(CirqueError, match=r"losses are not finite"):
        run(folder, tmp_path, dataclasses.replace(SETTINGS, learning_rate=1e30, steps=30))
    assert not (tmp_path / "tokens.parquet").exists()


def test_a_killed_inversion_goes_on_and_ends_with_the_same_bits(folder: Path, tmp_path: Path) -> None:
    settings = dataclasses.replace(SETTINGS, steps=150, batch=2)
    given = {
        key: [str(p) for p in value] if isinstance(value, list) else str(value) for key, value in inputs(folder).items()
    }
    command = [sys.executable, "-m", "cirque", "invert_images", "oti", "--queries"]  # no queries: every image
    command += flags({**given, "work": str(tmp_path / "work"), "output": str(tmp_path / "tokens.parquet")}).split()
    command += flags({**dataclasses.asdict(settings), "seed": 0, "threads": 1, "device": "cpu"}).split()
    process = subprocess.Popen([*command, "--seconds-between-saves", "0"], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not list((tmp_path / "work").glob("*/000000002.safetensors")) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    states = sorted((tmp_path / "work").glob("*/*.safetensors"))
    assert [state.name for state in states][:2] == ["000000000.safetensors", "000000002.safetensors"]
    assert not (tmp_path / "tokens.parquet").exists()
    resumed = run(folder, tmp_path, settings)
    assert not (tmp_path / "work").exists()
    assert resumed == run(folder, tmp_path / "whole", settings)
