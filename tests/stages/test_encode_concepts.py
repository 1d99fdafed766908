from pathlib import Path

import numpy as np
import torch

from cirque.encoders import backbones
from cirque.stages import encode_concepts as concept_features
from cirque.store import files, schemas
from cirque.texts import concepts
from tests import small_searle


def test_class_embeddings_stand_in_the_order_of_the_vocabulary(tmp_path: Path) -> None:
    weights = small_searle.write_backbone(tmp_path)
    vocabulary = small_searle.write_vocabulary(tmp_path / "classes.csv")
    output = tmp_path / "features.parquet"
    concept_features.main(vocabulary=vocabulary, weights=weights, output=output, threads=1, device="cpu")
    table = files.read_table(output)
    assert table.schema.equals(schemas.concept_features(small_searle.DIM))
    assert table["concept"].to_pylist() == small_searle.CONCEPTS
    backbone = backbones.load(weights, torch.device("cpu"))
    expected = np.concatenate(list(concepts.class_embeddings(small_searle.CONCEPTS, backbone)))
    assert np.array_equal(np.array(table["feature"].to_pylist(), dtype=np.float32), expected)
