"""What CONTRIBUTING promises: each kind of addition is one file at most, and one entry."""

import pyarrow.parquet as pq
import pytest
import yaml

from tests import toy_encoder

from .conftest import Project

pytestmark = pytest.mark.workflow

METHOD = '''"""Toy: the negative of the reference's feature."""

import numpy as np

from cirque.methods import Inputs, normalise


def compose(inputs: Inputs) -> np.ndarray:
    """Normalised features [n_queries, dim]."""
    return -normalise(inputs.reference_features)
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

PREPROCESSING = '''"""Squeeze: the whole picture, whatever its shape."""

from PIL import Image


def steps(width, height, size):
    """The squeezed picture."""
    return [("squeezed", (size, size))]


def apply(image, size):
    """The picture, [size, size]."""
    return image.resize((size, size), Image.Resampling.BICUBIC)
'''


def metrics(project: Project, benchmark="cirr_val", backbone="tiny-B", method="image-only"):
    path = (
        f"results/scale=tiny/metrics/benchmark={benchmark}/backbone={backbone}/method={method}/seed=0/metrics.parquet"
    )
    done = project.snakemake("-c8", "--rerun-triggers", "mtime", "--", path)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return pq.read_table(project.root / path, partitioning=None).to_pylist()


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
