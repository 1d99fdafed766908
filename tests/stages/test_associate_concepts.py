import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cirque.errors import CirqueError
from cirque.stages import associate_concepts as associate
from cirque.store import files, schemas, vectors
from tests import small_searle


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("associate")
    small_searle.write_images(root)
    features = np.random.default_rng(3).normal(size=(len(small_searle.CONCEPTS), small_searle.DIM))
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    vectors.write(root / "classes.parquet", small_searle.CONCEPTS, features, schemas.concept_features(small_searle.DIM))
    return root


def test_every_image_that_could_be_read_has_its_nearest_concepts(folder: Path, tmp_path: Path) -> None:
    shards = sorted((folder / "features").glob("*.parquet"))
    output = tmp_path / "concepts.parquet"
    associate.main(
        features=shards, concept_features=folder / "classes.parquet", n_stored=4, max_failed=1, output=output
    )
    rows = files.read_table(output).to_pylist()
    assert [row["image_id"] for row in rows] == small_searle.IMAGES  # without broken.JPEG
    _, images = vectors.read(shards, "image_id", "feature")
    _, classes = vectors.read([folder / "classes.parquet"], "concept", "feature")
    for row, image in zip(rows, images, strict=True):
        similarities = classes @ image / np.linalg.norm(image)
        order = np.argsort(-similarities)[:4]
        assert row["concepts"] == [small_searle.CONCEPTS[i] for i in order]
        assert np.allclose(row["similarities"], similarities[order], atol=1e-6)


def test_association_imports_no_torch(folder: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from cirque.__main__ import main; status = main(sys.argv[1:]);"
        "print('torch' in sys.modules); sys.exit(status)"
    )
    command = ["associate_concepts", "--features", *sorted((folder / "features").glob("*.parquet")),
               "--concept-features", folder / "classes.parquet", "--n-stored", "2", "--max-failed", "1",
               "--output", tmp_path / "c.parquet"]  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code, *map(str, command)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "False"), done.stderr


def test_more_failures_in_all_shards_together_than_tolerated_are_an_error(folder: Path, tmp_path: Path) -> None:
    shards = sorted((folder / "features").glob("*.parquet"))
    output = tmp_path / "concepts.parquet"
    with pytest.raises(CirqueError, match=r"1 of \d+ images failed and max_failed is 0 \(broken\.JPEG"):
        associate.main(
            features=shards, concept_features=folder / "classes.parquet", n_stored=4, max_failed=0, output=output
        )
    assert not output.exists()
