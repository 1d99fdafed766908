from pathlib import Path

import numpy as np
import pytest
import torch

from cirque.encoders import backbones, text
from cirque.errors import CirqueError
from cirque.stages import encode_phrases as phrase_features
from cirque.store import files, schemas
from tests import small_searle


def run(phrases: Path, weights: Path, output: Path) -> list[dict[str, list[list[float]]]]:
    phrase_features.main(phrases=phrases, weights=weights, output=output, threads=1, device="cpu")
    table = files.read_table(output)
    assert table.schema.equals(schemas.phrase_features(small_searle.DIM))
    return table.to_pylist()


def write(path: Path, rows: dict[str, list[str]]) -> Path:
    files.write_rows(path, [{"concept": key, "phrases": value} for key, value in rows.items()], schemas.PHRASES)
    return path


def test_every_phrase_has_its_own_normalised_feature_in_order(tmp_path: Path) -> None:
    weights = small_searle.write_backbone(tmp_path)
    backbone = backbones.load(weights, torch.device("cpu"))
    # more concepts than are written at once, of different numbers of phrases, long ones among them
    stated = {
        f"c{n}": [f"a photo of c{n} that " + "is very " * (n % 5) + word for word in "ab"[: 1 + n % 2]]
        for n in range(37)
    }
    rows = run(write(tmp_path / "p.parquet", stated), weights, tmp_path / "f.parquet")
    assert [row["concept"] for row in rows] == list(stated)
    for row, phrases in zip(rows, stated.values(), strict=True):
        with torch.no_grad():
            expected = torch.cat([text.encode(backbone, [phrase]) for phrase in phrases])
        expected = torch.nn.functional.normalize(expected, dim=-1).numpy()
        assert np.allclose(np.array(row["features"]), expected, atol=1e-5)


def test_a_phrase_over_the_context_is_cut_as_released(tmp_path: Path) -> None:
    weights = small_searle.write_backbone(tmp_path)
    long, cut = "very " * 100, "very " * 75
    ((first, second),) = (
        row["features"]
        for row in run(write(tmp_path / "p.parquet", {"c": [long, cut]}), weights, tmp_path / "f.parquet")
    )
    assert np.allclose(first, second, atol=1e-5)


def test_a_part_without_concepts_gives_an_empty_file(tmp_path: Path) -> None:
    weights = small_searle.write_backbone(tmp_path)
    assert run(write(tmp_path / "p.parquet", {}), weights, tmp_path / "f.parquet") == []


def test_a_cut_phrase_file_is_an_error_and_leaves_no_features(tmp_path: Path) -> None:
    weights = small_searle.write_backbone(tmp_path)
    path = write(tmp_path / "p.parquet", {"c": ["a photo of c that"]})
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(CirqueError, match="not a whole Parquet file"):
        run(path, weights, tmp_path / "f.parquet")
    assert not list(tmp_path.glob("*f.parquet*"))
