import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from cirque.encoders.features import write_features
from cirque.errors import CirqueError
from cirque.networks import phi
from cirque.store import files, schemas, vectors
from cirque.trainers import lincir as lincir_training
from tests import small_lincir, small_searle
from tests.stages.network_stage import kill_training, trained

SETTINGS = lincir_training.Settings(
    steps=7,
    batch=4,
    learning_rate=0.01,
    weight_decay=0.01,
    dropout=0.5,
    input="text",
    masking="substring",
    noise="lincir",
    noise_scale=1.0,
    selection="last",
    validate_every=2,
)


def write_validation(folder: Path) -> None:
    """Nine images in two feature files, and a query of each but the last that asks for the next one."""
    generator = np.random.default_rng(2)
    ids = [f"img{i}" for i in range(9)]
    values = generator.normal(size=(9, small_searle.DIM)).astype(np.float32)
    for shard, rows in enumerate((slice(0, 5), slice(5, None))):
        path = folder / "features" / f"{shard:05d}.parquet"
        write_features(path, ids[rows], ["ok"] * len(ids[rows]), values[rows])
    blank = dict.fromkeys(schemas.QUERIES.names)
    queries = [
        {**blank, "query_id": f"q{i}", "reference_id": ids[i], "captions": [f"is {i}"], "target_ids": [ids[i + 1]]}
        for i in range(8)
    ]
    files.write_rows(folder / "queries.parquet", queries, schemas.QUERIES)
    gallery = [{"image_id": name, "group": "", "shard": 0, "key": name, "crop": None} for name in ids]
    files.write_rows(folder / "gallery.parquet", gallery, schemas.GALLERY)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("train_lincir")
    small_lincir.write(root, small_searle.load_backbone(root))
    write_validation(root)
    return root


def inputs(folder: Path) -> dict[str, list[Path] | Path]:
    return {
        "captions": sorted((folder / "captions").glob("*.parquet")),
        "caption_features": sorted((folder / "caption_features").glob("*.parquet")),
        "weights": folder / "weights.safetensors",
    }


def validation(folder: Path) -> dict[str, list[Path] | Path]:
    return {
        "validation_queries": folder / "queries.parquet",
        "validation_gallery": folder / "gallery.parquet",
        "validation_features": sorted((folder / "features").glob("*.parquet")),
    }


def run(folder: Path, out: Path, settings: lincir_training.Settings = SETTINGS, **other: object) -> bytes:
    return trained("lincir", out, {**inputs(folder), **other}, settings)


def test_phi_comes_with_its_description_and_its_training_log(folder: Path, tmp_path: Path) -> None:
    run(folder, tmp_path)
    described = phi.read_side_car(tmp_path / "phi.safetensors")
    log = files.read_table(tmp_path / "training.parquet")
    assert log.schema.equals(schemas.TRAINING)
    assert log.to_pylist() == [{"step": 7, "epoch": 2, "loss": "mse", "value": described["final_losses"]["mse"]}]
    assert described["settings"] == dataclasses.asdict(SETTINGS)
    assert (described["dim"], described["token_dim"]) == (small_searle.DIM, small_searle.TOKEN_DIM)
    assert (described["source"], described["backbone"], described["seed"], described["n_captions"]) == (
        "trained",
        "small",
        0,
        13,
    )
    assert described["selection"] == {"rule": "last", "step": 7}
    assert not (tmp_path / "work").exists()


def test_the_best_network_comes_with_its_step_and_recall(folder: Path, tmp_path: Path) -> None:
    settings = dataclasses.replace(SETTINGS, selection="best")
    weights = run(folder, tmp_path, settings, **validation(folder))
    log = files.read_table(tmp_path / "training.parquet").to_pylist()
    recalls = {row["step"]: row["value"] for row in log if row["loss"] == "R@1"}
    chosen = phi.read_side_car(tmp_path / "phi.safetensors")["selection"]
    assert list(recalls) == [2, 4, 6, 7]
    assert chosen == {"rule": "best", "step": max(recalls, key=lambda s: recalls[s]), "R@1": max(recalls.values())}
    assert weights == run(folder, tmp_path / "last", dataclasses.replace(SETTINGS, steps=chosen["step"]))


def test_best_without_validation_files_is_an_error(folder: Path, tmp_path: Path) -> None:
    settings = dataclasses.replace(SETTINGS, selection="best")
    some = {key: value for key, value in validation(folder).items() if key != "validation_gallery"}
    with pytest.raises(CirqueError, match="give --validation-queries, --validation-gallery and --validation-features"):
        run(folder, tmp_path, settings, **some)


def test_validation_files_are_not_read_where_the_last_is_kept(folder: Path, tmp_path: Path) -> None:
    absent = tmp_path / "absent.parquet"
    run(folder, tmp_path, validation_queries=absent, validation_gallery=absent, validation_features=[absent])


def write_images(folder: Path, failed: int | None = None, n_images: int = 13) -> list[Path]:
    """An image of each caption in two feature files; that of one may have failed."""
    values = np.random.default_rng(5).normal(size=(n_images, small_searle.DIM)).astype(np.float32)
    paths = []
    for shard, rows in enumerate((range(6), range(6, n_images))):
        paths.append(folder / "image_features" / f"{shard:05d}.parquet")
        statuses = ["truncated" if row == failed else "ok" for row in rows]
        good = [row for row in rows if row != failed]
        write_features(paths[-1], [f"{row}.jpg" for row in rows], statuses, values[good])
    return paths


def test_phi_that_reads_images_learns_from_their_features_and_meets_the_captions(folder: Path, tmp_path: Path) -> None:
    settings = dataclasses.replace(SETTINGS, input="image")
    paths = write_images(tmp_path)
    ours = run(folder, tmp_path / "image", settings, image_features=paths)
    assert phi.read_side_car(tmp_path / "image" / "phi.safetensors")["settings"]["input"] == "image"
    assert ours == run(folder, tmp_path / "again", settings, image_features=paths)
    assert ours != run(folder, tmp_path / "text")
    # an image whose feature is its caption's teaches what the caption teaches
    names, features = vectors.read(inputs(folder)["caption_features"], "caption_id", "feature")  # type: ignore[arg-type]
    write_features(tmp_path / "same.parquet", names, ["ok"] * len(names), features)
    same = run(folder, tmp_path / "same", settings, image_features=[tmp_path / "same.parquet"])
    assert same == run(folder, tmp_path / "text")


def test_an_image_that_failed_takes_its_own_caption_with_it(folder: Path, tmp_path: Path) -> None:
    given, paths = inputs(folder), write_images(tmp_path, failed=8)
    settings = dataclasses.replace(SETTINGS, input="image")
    found = run(folder, tmp_path / "failed", settings, image_features=paths)
    assert phi.read_side_car(tmp_path / "failed" / "phi.safetensors")["n_captions"] == 12
    left = [row for row in range(13) if row != 8]
    rows = files.read_tables(given["captions"]).take(left)  # type: ignore[arg-type]
    files.write_table(tmp_path / "captions.parquet", rows, schemas.CAPTIONS)
    names, features = vectors.read(given["caption_features"], "caption_id", "feature")  # type: ignore[arg-type]
    schema = schemas.vectors("caption_id", "feature", small_searle.DIM)
    vectors.write(tmp_path / "features.parquet", [names[row] for row in left], features[left], schema)
    image_names, images = vectors.read(paths, "image_id", "feature")
    write_features(tmp_path / "images.parquet", image_names, ["ok"] * 12, images)
    without = run(
        folder, tmp_path / "without", settings, captions=[tmp_path / "captions.parquet"],
        caption_features=[tmp_path / "features.parquet"], image_features=[tmp_path / "images.parquet"],
    )  # fmt: skip
    assert found == without


def test_images_that_are_missing_or_not_as_many_as_captions_are_an_error(folder: Path, tmp_path: Path) -> None:
    settings = dataclasses.replace(SETTINGS, input="image")
    with pytest.raises(CirqueError, match="the input is image: give --image-features, or --input text"):
        run(folder, tmp_path, settings)
    with pytest.raises(CirqueError, match=r"13 captions in .* for 12 images in .*must be the list of these images"):
        run(folder, tmp_path, settings, image_features=write_images(tmp_path, n_images=12))
    assert not (tmp_path / "phi.safetensors").exists()


def test_how_captions_are_divided_into_parts_changes_no_bit(folder: Path, tmp_path: Path) -> None:
    given = inputs(folder)
    rows = files.read_tables(given["captions"])  # type: ignore[arg-type]
    files.write_table(tmp_path / "captions.parquet", rows, schemas.CAPTIONS)
    names, features = vectors.read(given["caption_features"], "caption_id", "feature")  # type: ignore[arg-type]
    schema = schemas.vectors("caption_id", "feature", small_searle.DIM)
    vectors.write(tmp_path / "features.parquet", names, features, schema)
    files.write_rows(tmp_path / "none.parquet", [], schemas.CAPTIONS)
    files.write_rows(tmp_path / "no_features.parquet", [], schema)
    together = run(
        folder,
        tmp_path / "one",
        captions=[tmp_path / "none.parquet", tmp_path / "captions.parquet"],
        caption_features=[tmp_path / "no_features.parquet", tmp_path / "features.parquet"],
    )
    assert together == run(folder, tmp_path / "two")


def test_features_of_other_captions_or_too_few_files_are_errors(folder: Path, tmp_path: Path) -> None:
    features: list[Path] = inputs(folder)["caption_features"]  # type: ignore[assignment]
    with pytest.raises(CirqueError, match=r"00001\.parquet: its captions are not those of .*captions.00000\.parquet"):
        run(folder, tmp_path, caption_features=features[::-1])
    with pytest.raises(CirqueError, match="2 files of captions and 1 of their features"):
        run(folder, tmp_path, caption_features=features[:1])


def test_features_of_two_backbones_are_an_error(folder: Path, tmp_path: Path) -> None:
    features: list[Path] = inputs(folder)["caption_features"]  # type: ignore[assignment]
    names, found = vectors.read(features[1:], "caption_id", "feature")
    narrow = tmp_path / "narrow.parquet"
    vectors.write(narrow, names, found[:, :5], schemas.vectors("caption_id", "feature", 5))
    with pytest.raises(CirqueError, match=r"narrow\.parquet: features of 5 dimensions, but .* has 8"):
        run(folder, tmp_path, caption_features=[features[0], narrow])


def test_a_caption_id_that_occurs_twice_and_no_caption_at_all_are_errors(folder: Path, tmp_path: Path) -> None:
    given = inputs(folder)
    with pytest.raises(CirqueError, match=r"8 caption_ids occur twice \(cc3m-00000-000000000, .* name of its own"):
        run(folder, tmp_path, captions=given["captions"][:1] * 2, caption_features=given["caption_features"][:1] * 2)  # type: ignore[index]
    files.write_rows(tmp_path / "none.parquet", [], schemas.CAPTIONS)
    with pytest.raises(CirqueError, match=r"no caption in .*none\.parquet; there is nothing to learn from"):
        run(folder, tmp_path, captions=[tmp_path / "none.parquet"], caption_features=[tmp_path / "none.parquet"])


def test_a_training_that_fails_leaves_nothing_under_its_outputs_names(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(CirqueError, match="the losses are"):
        run(folder, tmp_path, dataclasses.replace(SETTINGS, learning_rate=1e30, steps=50))
    assert not (tmp_path / "phi.safetensors").exists()
    assert not (tmp_path / "training.parquet").exists()


def test_a_killed_training_goes_on_and_ends_with_the_same_bits(folder: Path, tmp_path: Path) -> None:
    settings = dataclasses.replace(SETTINGS, steps=80, selection="best", validate_every=10)
    assert kill_training("lincir", tmp_path, {**inputs(folder), **validation(folder)}, settings, "*-best.safetensors")
    assert list((tmp_path / "work").glob("*[!t].safetensors"))
    resumed = run(folder, tmp_path, settings, **validation(folder))
    assert not (tmp_path / "work").exists()
    whole = run(folder, tmp_path / "whole", settings, **validation(folder))
    assert resumed == whole
    assert (tmp_path / "training.parquet").read_bytes() == (tmp_path / "whole" / "training.parquet").read_bytes()
    assert json.loads((tmp_path / "phi.json").read_text())["selection"]["rule"] == "best"
    assert np.isfinite(files.read_table(tmp_path / "training.parquet")["value"].to_numpy()).all()
