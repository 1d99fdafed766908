"""Damaged files between two runs: refused by name, cured as the message says, and the table is the same."""

import shutil

import pytest

from .conftest import TABLE, Project

pytestmark = pytest.mark.workflow

SHARD = "results/scale=tiny/shards/image_set=cirr_test1/00000.tar"
FEATURES = "results/scale=tiny/features/image_set=cirr_test1"


def test_truncated_tar_is_named_and_its_removal_is_the_cure(finished: Project, project: Project):
    shard = project.root / SHARD
    shard.write_bytes(shard.read_bytes()[: shard.stat().st_size // 2])
    shutil.rmtree(project.root / FEATURES)

    failed = project.snakemake("-c8", TABLE)
    assert failed.returncode != 0
    assert f"cirque extract_features: {SHARD}" in failed.stdout + failed.stderr
    assert not list((project.root / "results").rglob(".*.part"))

    shard.unlink()
    done = project.snakemake("-c8", TABLE)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert (project.root / TABLE).read_bytes() == (finished.root / TABLE).read_bytes()


def test_missing_picture_is_named_before_anything_long_starts(project: Project):
    (project.root / "data/tiny/CIRR/dev/dev-0-0-img0.png").unlink(missing_ok=True)
    names = sorted((project.root / "data/tiny/CIRR/dev").glob("*.png"))
    names[0].unlink()
    failed = project.snakemake("-c8", "--force", "results/scale=tiny/images/image_set=cirr_val/images.parquet")
    assert failed.returncode != 0
    assert "images missing (first: " in failed.stdout + failed.stderr
    assert "docs/data.md#cirr" in failed.stdout + failed.stderr
