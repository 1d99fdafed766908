from pathlib import Path

import numpy as np
import pytest
import torch

from cirque.errors import CirqueError
from cirque.inversion import palavra as palavra_tokens
from cirque.networks import palavra, phi
from cirque.store import files, schemas, vectors
from tests import small_palavra, small_searle
from tests.stages.family_stage import stage_of


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("palavra_tokens")
    backbone = small_searle.load_backbone(root)
    small_searle.write_images(root)
    phi.save(root / "phi.safetensors", small_palavra.network(backbone), {})
    write_queries(root / "queries.parquet", [small_searle.IMAGES[row] for row in (9, 7, 9, 0)])
    return root


def write_queries(path: Path, references: list[str]) -> Path:
    rows = [{"query_id": str(n), "reference_id": name, "captions": ["is red"]} for n, name in enumerate(references)]
    files.write_rows(path, rows, schemas.QUERIES)
    return path


def run(folder: Path, output: Path, shard: int = 1, **other: object) -> tuple[list[str], np.ndarray]:
    stage_of("invert_images", "palavra")(
        features=folder / "features" / f"{shard:05d}.parquet",
        **{  # type: ignore[arg-type]
            "concepts": folder / "concepts.parquet",
            "phi": folder / "phi.safetensors",
            "weights": folder / "weights.safetensors",
            **other,
        },
        settings=small_palavra.TOKENS,
        output=output,
        seed=0,
        work=output.parent / "work",
        threads=1,
        device="cpu",
    )
    assert files.read_table(output).schema.equals(schemas.tokens(small_searle.TOKEN_DIM))
    return vectors.read([output], "image_id", "token")


def test_every_good_image_gets_a_token_by_its_first_concept(folder: Path, tmp_path: Path) -> None:
    names, tokens = run(folder, tmp_path / "tokens.parquet")
    assert names == small_searle.IMAGES[6:]
    backbone = small_searle.load_backbone(tmp_path)
    _, features = vectors.read([folder / "features" / "00001.parquet"], "image_id", "feature")
    coarse = [np.roll(small_searle.CONCEPTS, -number)[0] for number in range(6, 11)]
    network = palavra.load(folder / "phi.safetensors", torch.device("cpu"))
    images = palavra_tokens.Images(names, features, coarse)
    assert np.array_equal(tokens, palavra_tokens.optimise(backbone, network, images, small_palavra.TOKENS))


def test_of_a_benchmarks_images_only_the_references_are_inverted(folder: Path, tmp_path: Path) -> None:
    names, tokens = run(folder, tmp_path / "some.parquet", queries=[folder / "queries.parquet"])
    whole, all_tokens = run(folder, tmp_path / "all.parquet")
    assert names == [small_searle.IMAGES[row] for row in (7, 9)]
    assert np.allclose(tokens, all_tokens[[whole.index(name) for name in names]], atol=1e-4)


def test_a_shard_without_references_gives_a_file_without_rows(folder: Path, tmp_path: Path) -> None:
    queries = write_queries(tmp_path / "queries.parquet", [small_searle.IMAGES[7]])
    with pytest.raises(CirqueError, match="no token in"):  # none of the shard's
        run(folder, tmp_path / "tokens.parquet", shard=0, queries=[queries])
    assert files.read_table(tmp_path / "tokens.parquet").num_rows == 0


def test_an_image_without_a_concept_is_an_error(folder: Path, tmp_path: Path) -> None:
    table = files.read_table(folder / "concepts.parquet").slice(0, 8)
    files.write_table(tmp_path / "concepts.parquet", table, schemas.CONCEPTS)
    with pytest.raises(CirqueError, match="3 of 5 images have no concepts"):
        run(folder, tmp_path / "tokens.parquet", concepts=tmp_path / "concepts.parquet")
    assert not (tmp_path / "tokens.parquet").exists()


def test_the_network_of_another_trainer_is_an_error(folder: Path, tmp_path: Path) -> None:
    phi.save(tmp_path / "phi.safetensors", phi.initial(small_searle.DIM, small_searle.TOKEN_DIM, 0.5, 0), {})
    with pytest.raises(CirqueError, match="name a network of the trainer palavra"):
        run(folder, tmp_path / "tokens.parquet", phi=tmp_path / "phi.safetensors")
