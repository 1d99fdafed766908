"""A small evaluated benchmark for tests: queries, features, rankings, metrics and a table, made by the real stages."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from cirque.__main__ import main as cirque
from cirque.store import files, provenance, schemas

REPOSITORY = Path(__file__).parents[1]
PUBLISHED = sorted((REPOSITORY / "config" / "published").glob("*.csv"))
NOT_RUN = REPOSITORY / "config" / "not_run.csv"
SQL = REPOSITORY / "workflow" / "tables" / "table_cirr.sql"
SCALE = Path("results/scale=mini")
METRICS = ["R@1", "R@5", "R@10", "R@50", "R_subset@1", "R_subset@2", "R_subset@3"]
METHODS = ("image-only", "searle", "upper-bound")
DIM = 8

CIRR = {"dataset": "cirr", "printed_as": "CIRR", "remove_reference": True}

#: The keys of config/config.yaml that a table reads.
SETTINGS: dict[str, Any] = {
    "scale": "mini",
    "comparable": False,
    "not_comparable_because": "generated pictures",
    "tolerance": 0.1,
    "tables": {"cirr": {"backbones": ["tiny"], "methods": list(METHODS), "benchmarks": ["cirr_val", "cirr_test1"]}},
    "backbones": {"tiny": {"stands_for": "ViT-B/32", "model": "tiny-ViT"}},
    "methods": {
        "image-only": {"label": "Image-only"},
        "searle": {"label": "SEARLE", "needs": {"phi": "searle"}},
        "upper-bound": {"label": "Upper bound", "bound": True},
    },
    "benchmarks": {
        "cirr_val": {**CIRR, "split": "val", "answers": "in-annotations", "metrics": METRICS},
        "cirr_test1": {**CIRR, "split": "test1", "answers": "in-separate-file", "metrics": METRICS},
    },
}


@contextmanager
def inside(folder: Path) -> Iterator[None]:
    """Work in a folder, as a stage does."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def run(*words: object) -> int:
    """Run a stage as the command line does; returns its exit status."""
    provenance._read.clear()
    provenance._written.clear()
    return cirque([str(word) for word in words])


def query(number: int, **changes: Any) -> dict[str, Any]:
    """A query about image `i{number}`, whose target is the next image and whose subset the next five."""
    row = {
        "query_id": f"q{number}",
        "reference_id": f"i{number}",
        "captions": [f"is number {number + 1}"],
        "target_ids": [f"i{number + 1}"],
        "candidate_ids": None,
        "subset_ids": [f"i{number + k}" for k in range(1, 6)],
        "group": "",
        "tags": ["count" if number % 3 else "object"],
        "full_caption": f"number {number + 1}",
    }
    return {**row, **changes}


def evaluate(folder: Path, n_images: int = 70, n_queries: int = 40) -> None:
    """Fill `folder` with what the evaluation stages read and write, from queries to a page and a database."""
    with inside(folder):
        for benchmark in ("cirr_val", "cirr_test1"):
            composed = _write_inputs(benchmark, n_images, n_queries)
            _evaluate(benchmark, composed)
        files.write_json(SCALE / "settings.json", SETTINGS)
        metrics = sorted(SCALE.glob("metrics/**/metrics.parquet"))
        table = SCALE / "table_cirr.parquet"
        common = ["--published", *PUBLISHED]
        settings = ["--settings", SCALE / "settings.json"]
        assert (
            run(
                "build_table",
                "--name",
                "cirr",
                "--sql",
                SQL,
                "--metrics",
                *metrics,
                *common,
                *settings,
                "--output",
                table,
            )
            == 0
        )
        assert (
            run(
                "write_page",
                "--table",
                table,
                "--settings",
                SCALE / "settings.json",
                "--output",
                SCALE / "table_cirr.html",
            )
            == 0
        )
        assert run("create_database", "--results", "results", *common, "--output", "results/cirque.duckdb") == 0


def _write_inputs(benchmark: str, n_images: int, n_queries: int) -> dict[str, np.ndarray]:
    """Queries, gallery, image features in two shards; returns query features that differ in how well they hit."""
    generator = np.random.default_rng(len(benchmark))
    ids = [f"i{number}" for number in range(n_images)]
    images = generator.standard_normal((n_images, DIM)).astype(np.float32)
    queries = [query(number) for number in range(n_queries)]
    files.write_rows(SCALE / f"queries/benchmark={benchmark}/queries.parquet", queries, schemas.QUERIES)
    gallery = [{"image_id": name, "group": "", "shard": 0, "key": name, "crop": None} for name in ids]
    files.write_rows(SCALE / f"gallery/benchmark={benchmark}/gallery.parquet", gallery, schemas.GALLERY)
    half = n_images // 2
    for shard, rows in enumerate((slice(0, half), slice(half, None))):
        features = [
            {"image_id": name, "feature": feature.tolist(), "status": "ok"}
            for name, feature in zip(ids[rows], images[rows], strict=True)
        ]
        path = _features(benchmark) / f"{shard:05d}.parquet"
        files.write_rows(path, features, schemas.features(DIM))
    noise = generator.standard_normal((n_queries, DIM)).astype(np.float32)
    target = images[1 : n_queries + 1]
    return {"image-only": images[:n_queries], "searle": target + 0.7 * noise, "upper-bound": target + 0.05 * noise}


def _features(benchmark: str) -> Path:
    return SCALE / f"features/image_set={benchmark}/preprocess=targetpad/backbone=tiny/encoder_seed=0"


def _evaluate(benchmark: str, composed: dict[str, np.ndarray]) -> None:
    """The stage evaluate, but for what methods compose."""
    runs = [
        {"method": method, "composer": method, "seed": 0, "bound": method == "upper-bound", "inputs": {}}
        for method in METHODS
    ]
    with mock.patch("cirque.stages.evaluate.compose", lambda run, provider: composed[run["method"]]):
        assert run(
            "evaluate", "--runs", json.dumps(runs),
            "--queries", SCALE / f"queries/benchmark={benchmark}/queries.parquet",
            "--gallery", SCALE / f"gallery/benchmark={benchmark}/gallery.parquet",
            "--features", *sorted(_features(benchmark).glob("*.parquet")), "--weights", "none.safetensors",
            "--preprocess", "clip", "--remove-reference", True, "--benchmark", benchmark,
            "--split", benchmark.split("_")[1], "--backbone", "tiny", "--metrics", *METRICS,
            "--resamples", 500, "--bootstrap-seed", 0, "--level", 0.95, "--threads", 1, "--output", SCALE,
        ) == 0  # fmt: skip


def settings_json() -> str:
    """The settings as the workflow hands them over."""
    return json.dumps(SETTINGS)
