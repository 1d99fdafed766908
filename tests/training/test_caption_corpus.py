from pathlib import Path

import numpy as np
import pyarrow as pa

from cirque.store import files, schemas, vectors
from cirque.training import caption_corpus


def part(folder: Path, number: int, captions: list[str]) -> tuple[Path, Path]:
    """Files of one part: its captions, and their features."""
    ids = [f"corpus-{number}-{row}" for row in range(len(captions))]
    rows = [
        {"caption_id": name, "caption": caption, "words": caption.split(), "pos": ["NOUN"] * len(caption.split())}
        for name, caption in zip(ids, captions, strict=True)
    ]
    paths = folder / f"captions-{number}.parquet", folder / f"features-{number}.parquet"
    files.write_rows(paths[0], rows, schemas.CAPTIONS)
    features = np.full((len(ids), 2), number, dtype=np.float32)
    vectors.write(paths[1], ids, features, schemas.vectors("caption_id", "feature", 2))
    return paths


def test_parts_are_put_together_in_arrays_that_hold_more_than_two_gibibytes_of_text(tmp_path: Path):
    parts = [part(tmp_path, 0, ["a dog", "two cats"]), part(tmp_path, 1, ["three birds"])]
    corpus = caption_corpus.read_corpus([captions for captions, _ in parts], [features for _, features in parts])
    assert corpus.captions["caption"].to_pylist() == ["a dog", "two cats", "three birds"]
    assert corpus.features.tolist() == [[0, 0], [0, 0], [1, 1]]
    for name in ("caption_id", "caption"):
        assert pa.types.is_large_string(corpus.captions.schema.field(name).type), name
    for name in ("words", "pos"):
        kind = corpus.captions.schema.field(name).type
        assert pa.types.is_large_list(kind), name
        assert pa.types.is_large_string(kind.value_type), name
    assert all(column.num_chunks == 1 for column in corpus.captions.columns)
