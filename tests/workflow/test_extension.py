"""What CONTRIBUTING promises: each kind of addition is one file at most, and one entry."""

import pyarrow.parquet as pq
import pytest
import yaml

from tests import toy_encoder

from .conftest import Project

pytestmark = pytest.mark.workflow

METHOD = '''"""Toy: the negative of the reference's feature."""

import numpy as np

from cirque.methods import normalise


def compose(reference_features: np.ndarray) -> np.ndarray:
    """Normalised features [n_queries, dim]."""
    return -normalise(reference_features)
'''

BENCHMARK = '''"""Toy: each image of CIRR val asks for the next one."""

from cirque.datasets import cirr

TITLE = "Toy"
annotation_files, image_folders, images = cirr.annotation_files, cirr.image_folders, cirr.images


def queries(data_root, split, answers=None, full_captions=None):
    """Rows of schemas.QUERIES."""
    names = [name for name, _ in images(data_root, split)]
    return [
        {
            "query_id": f"q{number}", "reference_id": reference, "captions": ["the next one"], "target_ids": [target],
            "candidate_ids": None, "subset_ids": None, "group": "", "tags": [], "full_caption": None,
        }
        for number, (reference, target) in enumerate(zip(names, names[1:]))
    ]
'''

TRAINER = '''"""Toy: φ learns to give each image the same token."""

from dataclasses import dataclass
from pathlib import Path

import torch

from cirque.encoders.features import load_features
from cirque.networks import phi
from cirque.training.loop import Training


@dataclass(frozen=True)
class Settings:
    """Of the optimisation."""

    passes: int
    speed: float


def prepare(*, features: list[Path], settings: Settings, seed: int, device: torch.device) -> Training:
    """The training on the features of an image set."""
    images = torch.from_numpy(load_features(features)[1]).to(device)
    network = phi.initial(images.shape[1], 96, 0.0, seed).to(device)
    return Training(
        network, torch.optim.SGD(network.parameters(), lr=settings.speed), ("spread",), n_steps=settings.passes,
        per_epoch=1, batch=lambda step: images, loss=lambda batch, step: {"spread": network(batch).var(dim=0).mean()},
        seed=seed, inputs=features,
    )
'''

FACT = '''"""Toy: the size of a backbone's file, to some power."""

from pathlib import Path

from cirque.facts.rows import fact


def state(*, weights: Path, backbone: str, power: int):
    """One row."""
    return [fact("bytes", weights.stat().st_size**power, backbone=backbone)]
'''

GENERATOR = '''"""Toy: a list of numbers."""

from pathlib import Path

from cirque.store import files

FILES = ("toy/numbers.txt",)


def generate(*, seed: int, n_toys: int, data_root: Path) -> None:
    """Write toy/numbers.txt.

    Args:
        seed: Of the world.
        n_toys: Numbers in the list.
        data_root: Folder of the generated data.
    """
    files.write_text(data_root / "toy/numbers.txt", "".join(f"{seed + number}\\n" for number in range(n_toys)))
'''

PREPROCESSING = '''"""Squeeze: the whole picture, whatever its shape."""

from PIL import Image


def steps(width, height, size):
    """The squeezed picture."""
    return [("squeezed", (size, size))]


def apply(image, size):
    """The picture, [size, size]."""
    return image.resize((size, size), Image.Resampling.BICUBIC)
'''


def made(project: Project, path: str):
    """A file that Snakemake is asked for."""
    done = project.snakemake("-c8", "--rerun-triggers", "mtime", "--", path)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return project.root / path


def metrics(project: Project, benchmark="cirr_val", backbone="tiny-B", method="image-only"):
    path = (
        f"results/scale=tiny/metrics/benchmark={benchmark}/backbone={backbone}/method={method}/seed=0/metrics.parquet"
    )
    return pq.read_table(made(project, path), partitioning=None).to_pylist()


def test_a_method_is_one_file_and_one_entry(project: Project):
    (project.root / "src/cirque/methods/toy.py").write_text(METHOD)
    project.configure(methods__toy={"label": "Toy"})
    assert {row["method"] for row in metrics(project, method="toy")} == {"toy"}


def test_a_benchmark_is_one_file_and_one_entry(project: Project):
    (project.root / "src/cirque/datasets/toy.py").write_text(BENCHMARK)
    configured = yaml.safe_load((project.root / "tiny.yaml").read_text())["benchmarks"]["cirr_val"]
    entry = {**configured, "dataset": "toy", "metrics": ["R@1"]}
    project.configure(benchmarks__toy=entry)
    (row,) = metrics(project, benchmark="toy")
    assert (row["metric"], row["n_queries"]) == ("R@1", 47)


def test_a_backbone_is_one_entry(project: Project):
    entry = {"stands_for": "ViT-B/32", "model": "mini-ViT-B-16", "weights": {"source": "random", "seed": 1}}
    project.configure(backbones__toy=entry)
    assert {row["backbone"] for row in metrics(project, backbone="toy")} == {"toy"}


def test_an_encoder_that_is_not_clip_is_one_file_and_one_entry(project: Project):
    (project.root / "src/cirque/encoders/toy.py").write_text(toy_encoder.TEXT)
    weights = {"source": "random", "seed": 1}
    project.configure(backbones__toy={"stands_for": "none", "encoder": "toy", "model": "toy", "weights": weights})
    found = metrics(project, backbone="toy")
    assert {row["backbone"] for row in found} == {"toy"}
    assert all(0 <= row["value"] <= 100 for row in found)


def test_a_preprocessing_is_one_file_and_one_word(project: Project):
    (project.root / "src/cirque/data/preprocessing/squeeze.py").write_text(PREPROCESSING)
    configured = yaml.safe_load((project.root / "tiny.yaml").read_text())["benchmarks"]["cirr_val"]
    project.configure(benchmarks__squeezed={**configured, "preprocess": "squeeze"})
    assert {row["benchmark"] for row in metrics(project, benchmark="squeezed")} == {"squeezed"}
    assert list(project.root.glob("results/scale=tiny/features/image_set=cirr_val/preprocess=squeeze/**/*.parquet"))


def test_a_trainer_is_one_file_and_one_entry(project: Project):
    (project.root / "src/cirque/trainers/toy.py").write_text(TRAINER)
    entry = {"trainer": "toy", "source": "trained", "image_set": "cc3m", "passes": 3, "speed": 0.1}
    project.configure(networks__toy=entry, methods__toy={"label": "Toy", "compose": "searle", "needs": {"phi": "toy"}})
    assert {row["method"] for row in metrics(project, method="toy")} == {"toy"}
    log = project.root / "results/scale=tiny/phi/network=toy/backbone=tiny-B/seed=0/training.parquet"
    assert [row["step"] for row in pq.read_table(log, partitioning=None).to_pylist()] == [1, 2, 3]


def test_a_fact_is_one_file_and_one_entry(project: Project):
    (project.root / "src/cirque/facts/toy.py").write_text(FACT)
    project.configure(facts={"toy": {"power": 1}})
    path = made(project, "results/scale=tiny/facts/backbone=tiny-B/toy.parquet")
    (row,) = pq.read_table(path, partitioning=None).to_pylist()
    assert (row["metric"], row["backbone"]) == ("bytes", "tiny-B")


def test_a_generated_data_set_is_one_file_and_one_entry(project: Project):
    (project.root / "src/cirque/mini/generators/toy.py").write_text(GENERATOR)
    project.configure(world__n_toys=3)
    assert made(project, "data/tiny/toy/numbers.txt").read_text() == "1\n2\n3\n"


def test_a_setting_that_a_stage_does_not_have_ends_the_workflow_when_it_is_parsed(project: Project):
    rules = project.root / "workflow/rules/features.smk"
    rules.write_text(rules.read_text().replace("max_failed=", "max_faled=", 1))
    done = project.snakemake("-n", "-c2")
    assert done.returncode != 0
    assert "stage extract_features has no parameter max_faled; it has" in done.stdout + done.stderr
