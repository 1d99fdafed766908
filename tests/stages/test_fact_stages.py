"""The stages that state facts: counts, layers, gaps and towers as rows of schemas.FACTS."""

import numpy as np
import pytest

from cirque.encoders.features import write_features
from cirque.errors import CirqueError
from cirque.facts import modality_gap
from cirque.facts import tower_costs as towers
from cirque.store import files, schemas, vectors
from cirque.tables import build as tables
from tests import small_searle
from tests.evaluated import PUBLISHED, REPOSITORY, SETTINGS, query, run
from tests.stages.family_stage import stage_of


def read(path):
    table = files.read_table(path)
    assert table.schema.equals(schemas.FACTS)
    return table.to_pylist()


# ---- sizes ---------------------------------------------------------------------------------------------------------


def write_benchmark(folder, groups, n_images):
    """A query of each group, and a gallery of so many images in each."""
    queries = [query(number, group=group) for number, group in enumerate(groups)]
    files.write_rows(folder / "queries.parquet", queries, schemas.QUERIES)
    gallery = [
        {"image_id": f"{group}{number}", "group": group, "shard": 0, "key": "k", "crop": None}
        for group in dict.fromkeys(groups)
        for number in range(n_images)
    ]
    files.write_rows(folder / "gallery.parquet", gallery, schemas.GALLERY)


def test_sizes_of_every_benchmark_and_group(tmp_path):
    write_benchmark(tmp_path / "one", [""] * 3, 5)
    write_benchmark(tmp_path / "two", ["dress", "shirt", "shirt"], 4)
    folders = [tmp_path / "one", tmp_path / "two"]
    sources = {
        "queries": [folder / "queries.parquet" for folder in folders],
        "galleries": [folder / "gallery.parquet" for folder in folders],
    }
    names = {
        "benchmarks": ["cirr_test1", "fashioniq_val"],
        "printed_as": ["CIRR", "FashionIQ"],
        "splits": ["test1", "val"],
    }
    stage_of("state_fact", "sizes")(**names, **sources, output=tmp_path / "f.parquet")
    found = {
        (row["dataset"], row["split"], row["subset"], row["metric"]): row["value"]
        for row in read(tmp_path / "f.parquet")
    }
    assert found == {
        ("CIRR", "test1", "", "query_images"): 3, ("CIRR", "test1", "", "candidate_images"): 5,
        ("FashionIQ", "val", "dress", "query_images"): 1, ("FashionIQ", "val", "dress", "candidate_images"): 4,
        ("FashionIQ", "val", "shirt", "query_images"): 2, ("FashionIQ", "val", "shirt", "candidate_images"): 4,
    }  # fmt: skip
    with pytest.raises(CirqueError, match="as many printed_as"):
        stage_of("state_fact", "sizes")(**{**names, "printed_as": ["CIRR"]}, **sources, output=tmp_path / "f.parquet")


# ---- network and towers --------------------------------------------------------------------------------------------


def test_layers_have_the_sizes_of_the_backbone(tmp_path):
    weights = small_searle.write_backbone(tmp_path)
    words = ["--weights", weights, "--backbone", "small", "--architecture", "pic2word", "--n-layers", 2]
    assert (
        run("state_fact", "network", *words, "--middle-dim", 5, "--dropout", 0.2, "--output", tmp_path / "f.parquet")
        == 0
    )
    found = {(row["row"], row["metric"]): row["value"] for row in read(tmp_path / "f.parquet")}
    assert found["FC1 (nn.Linear)", "in_features"] == small_searle.DIM
    assert found["Output (nn.Linear)", "out_features"] == small_searle.TOKEN_DIM
    assert found["FC2 (nn.Linear)", "in_features"] == 5
    assert found["Dropout2", "p"] == 0.2


def write_captions(folder, captions):
    path = folder / "captions.parquet"
    rows = [
        {"caption_id": f"c-{number:03d}", "caption": caption, "words": [], "pos": []}
        for number, caption in enumerate(captions)
    ]
    files.write_rows(path, rows, schemas.CAPTIONS)
    return path


def test_towers_are_stated_and_timed(tmp_path):
    weights = small_searle.write_backbone(tmp_path)
    captions = [
        write_captions(tmp_path / "0", ["a cat", "a photo of a cat"]),
        write_captions(tmp_path / "1", ["", "a"]),
    ]
    about = {"weights": weights, "backbone": "small", "seconds": 0.01, "threads": 1, "device": "cpu"}
    stage_of("state_fact", "towers")(captions=captions, **about, output=tmp_path / "f.parquet")
    found = {(row["subset"], row["metric"]): row for row in read(tmp_path / "f.parquet")}
    assert found["textual encoder", "tokens"]["value"] == (4 + 7 + 2 + 3) / 4
    assert {row["dataset"] for (subset, _), row in found.items() if subset == "visual encoder"} == {"COCO"}
    assert {(row["row"], row["backbone"]) for row in found.values()} == {("CLIP", "small")}
    assert found["visual encoder", "images_per_s_here"]["value"] > 0
    assert found["textual encoder", "texts_per_s_here"]["value"] > 0
    with pytest.raises(CirqueError, match="no caption"):
        stage_of("state_fact", "towers")(
            captions=[write_captions(tmp_path / "2", [])], **about, output=tmp_path / "f.parquet"
        )


# ---- the gap -------------------------------------------------------------------------------------------------------

DIM = 6


def write_pairs(folder, n_images=30, n_captions=40, failed=()):
    """Features of images and captions in two files each; those of failed images would spoil the pairs."""
    rng = np.random.default_rng(0)
    images, captions = (
        rng.normal(shift, 1, (n, DIM)).astype(np.float32) for n, shift in ((n_images, 1), (n_captions, -1))
    )
    statuses = ["no picture" if number in failed else "ok" for number in range(n_images)]
    for part, rows in enumerate((slice(0, n_images // 2), slice(n_images // 2, n_images))):
        ids, good = [f"i{number}" for number in range(n_images)][rows], statuses[rows]
        kept = images[rows][[status == "ok" for status in good]]
        write_features(folder / f"features/{part}.parquet", ids, good, kept)
    for part, rows in enumerate((slice(0, 7), slice(7, n_captions))):
        ids = [f"c-{number}" for number in range(n_captions)][rows]
        schema = schemas.vectors("caption_id", "feature", DIM)
        vectors.write(folder / f"captions/{part}.parquet", ids, captions[rows], schema)
    return images, captions


def measure(folder, n_pairs=1000):
    stage_of("state_fact", "gap")(
        features=sorted(folder.glob("features/*.parquet")), caption_features=sorted(folder.glob("captions/*.parquet")),
        dataset="CC3M", split="train", backbone="large", n_pairs=n_pairs, seed=3, resamples=200, bootstrap_seed=0,
        level=0.95, output=folder / "f.parquet",
    )  # fmt: skip
    return read(folder / "f.parquet")


def expected(images, captions, rows):
    differences = modality_gap.pair_differences(images[rows], captions[rows], [f"c-{row}" for row in rows])
    return pytest.approx(modality_gap.gap(differences))


def test_the_gap_of_every_noise_with_its_interval(tmp_path):
    images, captions = write_pairs(tmp_path)
    rows = measure(tmp_path)
    assert [row["row"] for row in rows] == list(modality_gap.PRINTED_AS.values())
    assert rows[0]["value"] == expected(images, captions, list(range(30)))
    assert all(row["ci_low"] < row["value"] < row["ci_high"] for row in rows[:1])
    assert len({row["value"] for row in rows}) == len(rows)
    assert rows == measure(tmp_path)


def test_a_failed_image_takes_its_caption_with_it(tmp_path):
    images, captions = write_pairs(tmp_path, failed=(2, 20))
    kept = [row for row in range(30) if row not in (2, 20)]
    assert measure(tmp_path)[0]["value"] == expected(images, captions, kept)


def test_no_more_pairs_are_read_than_asked_for(tmp_path):
    images, captions = write_pairs(tmp_path)
    (tmp_path / "features/1.parquet").write_bytes(b"not to be opened")
    assert measure(tmp_path, n_pairs=9)[0]["value"] == expected(images, captions, list(range(9)))


def test_fewer_captions_than_images_are_refused(tmp_path):
    write_pairs(tmp_path, n_captions=29)
    with pytest.raises(CirqueError, match="29 captions for 30 images"):
        measure(tmp_path)
    with pytest.raises(CirqueError, match="n_pairs is 0"):
        measure(tmp_path, n_pairs=0)


# ---- the table -----------------------------------------------------------------------------------------------------


def test_a_table_of_facts_alone_needs_no_metrics(tmp_path):
    write_pairs(tmp_path)
    measure(tmp_path)
    config = {**SETTINGS, "backbones": {"large": {"stands_for": "ViT-L/14"}}}
    config["tables"] = {"lincir_gap": {"benchmarks": [], "backbones": ["large"], "methods": []}}
    files.write_json(tmp_path / "settings.json", config)
    sql = REPOSITORY / "workflow/tables/table_lincir_gap.sql"
    words = ["--name", "lincir_gap", "--sql", sql, "--published", *PUBLISHED, "--settings", tmp_path / "settings.json"]
    assert run("build_table", *words, "--facts", tmp_path / "f.parquet", "--output", tmp_path / "t.parquet") == 0
    rows = files.read_table(tmp_path / "t.parquet").to_pylist()
    measured = [row for row in rows if row["measured"] is not None]
    assert [row["row"] for row in measured] == list(modality_gap.PRINTED_AS.values())
    assert {row["verdict"] for row in measured} == {"mini"}
    files.write_json(tmp_path / "settings.json", {"benchmarks": {}})
    words = ["--table", tmp_path / "t.parquet", "--settings", tmp_path / "settings.json"]
    assert run("write_page", *words, "--output", tmp_path / "t.html") == 0
    assert run("show", "--table", tmp_path / "t.parquet") == 0
    words = ["--method", "No noise", "--metric", "modality_gap"]
    assert run("explain", tmp_path / "t.parquet", *words) == 0


def test_towers_are_known_by_the_papers_names():
    published = tables.read_published(PUBLISHED).to_pylist()
    of_table = [row for row in published if (row["paper"], row["table"]) == ("LinCIR", "Table 2")]
    assert {row["subset"]: row["dataset"] for row in of_table} == towers.DATASETS
    assert {row["row"] for row in of_table} == {towers.ROW}
