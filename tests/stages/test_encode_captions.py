from pathlib import Path

import numpy as np
import pytest
import torch

from cirque.encoders import backbones, text
from cirque.errors import CirqueError
from cirque.stages import encode_captions as caption_features
from cirque.store import files, schemas, vectors
from tests import small_lincir, small_searle


def write(folder: Path, captions: list[str]) -> Path:
    path = folder / "captions.parquet"
    rows = [
        {"caption_id": f"c-{number:03d}", "caption": caption, "words": [], "pos": []}
        for number, caption in enumerate(captions)
    ]
    files.write_rows(path, rows, schemas.CAPTIONS)
    return path


def run(captions: Path, weights: Path, output: Path) -> tuple[list[str], np.ndarray]:
    caption_features.main(captions=captions, weights=weights, output=output, threads=1, device="cpu")
    assert files.read_table(output).schema.equals(schemas.vectors("caption_id", "feature", small_searle.DIM))
    return vectors.read([output], "caption_id", "feature")


def test_every_caption_has_its_own_unnormalised_feature_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caption_features, "CAPTIONS_AT_ONCE", 5)  # several blocks, the last one not whole
    weights = small_searle.write_backbone(tmp_path)
    backbone = backbones.load(weights, torch.device("cpu"))
    names, found = run(write(tmp_path, small_lincir.CAPTIONS), weights, tmp_path / "f.parquet")
    assert names == [f"c-{number:03d}" for number in range(len(small_lincir.CAPTIONS))]
    for row, caption in zip(found, small_lincir.CAPTIONS, strict=True):
        with torch.no_grad():
            assert np.allclose(row, text.encode(backbone, [caption])[0], atol=1e-5)
    assert np.abs(np.linalg.norm(found, axis=1) - 1).max() > 0.1


def test_a_caption_over_the_context_keeps_its_first_75_tokens(tmp_path: Path) -> None:
    weights = small_searle.write_backbone(tmp_path)
    captions = ["very " * 100, "very " * 75, "very " * 74]
    _, (long, cut, shorter) = run(write(tmp_path, captions), weights, tmp_path / "f.parquet")
    assert np.allclose(long, cut, atol=1e-5)
    assert not np.allclose(long, shorter, atol=1e-3)


def test_a_part_without_captions_gives_an_empty_file(tmp_path: Path) -> None:
    weights = small_searle.write_backbone(tmp_path)
    output = tmp_path / "f.parquet"
    caption_features.main(captions=write(tmp_path, []), weights=weights, output=output, threads=1, device="cpu")
    assert files.read_table(output).num_rows == 0


def test_a_cut_caption_file_is_an_error_and_leaves_no_features(tmp_path: Path) -> None:
    weights = small_searle.write_backbone(tmp_path)
    path = write(tmp_path, ["a cat"])
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(CirqueError, match="not a whole Parquet file"):
        run(path, weights, tmp_path / "f.parquet")
    assert not list(tmp_path.glob("*f.parquet*"))
