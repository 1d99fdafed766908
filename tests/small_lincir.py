"""The smallest inputs on which LinCIR's training runs: thirteen tagged captions beside small_searle's backbone."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import torch

from cirque.encoders import text
from cirque.encoders.backbones import Backbone
from cirque.store import files, schemas, vectors
from cirque.training.masked_captions import Corpus
from tests import small_searle

_TAGS = {
    "a": "DET",
    "the": "DET",
    "two": "NUM",
    "and": "CCONJ",
    "is": "AUX",
    "on": "ADP",
    "in": "ADP",
    "runs": "VERB",
    "running": "VERB",
    "sleep": "VERB",
    "red": "ADJ",
    "gray": "ADJ",
    "cute": "ADJ",
    "old": "ADJ",
}

#: Long and short, with letters that a lone determiner takes along, a double space, without keyword, and empty.
CAPTIONS = [
    "a russian blue cat is gray and cute",
    "a running man",
    "the red ball on a box",
    "two dogs sleep",
    "is running on",
    "",
    "runs  in",
    "the old photo on the old box in the old house and the old street on the old hill",
    "ball",
    "a photo of two cats",
    "red red red",
    "tomato on box and ball on box",
    "a man and a cat",
]


def rows(part: str = "cc3m-00000") -> list[dict[str, object]]:
    """Rows of schemas.CAPTIONS."""
    found = []
    for number, caption in enumerate(CAPTIONS):
        words = caption.split()
        pos = [_TAGS.get(word, "NOUN") for word in words]
        found.append({"caption_id": f"{part}-{number:09d}", "caption": caption, "words": words, "pos": pos})
    return found


def features(backbone: Backbone) -> np.ndarray:
    """Their text features, one by one."""
    with torch.no_grad():
        return torch.cat([text.encode(backbone, [caption]) for caption in CAPTIONS]).numpy()


def corpus(backbone: Backbone) -> Corpus:
    """Captions and features, in memory."""
    return Corpus(pa.Table.from_pylist(rows(), schemas.CAPTIONS), features(backbone))


def write(folder: Path, backbone: Backbone) -> tuple[list[Path], list[Path]]:
    """Captions and their features in two parts."""
    caption_paths, feature_paths = [], []
    for part, which in enumerate((slice(0, 8), slice(8, None))):
        own = rows()[which]
        caption_paths.append(folder / "captions" / f"{part:05d}.parquet")
        files.write_rows(caption_paths[-1], own, schemas.CAPTIONS)
        feature_paths.append(folder / "caption_features" / f"{part:05d}.parquet")
        names = [str(row["caption_id"]) for row in own]
        schema = schemas.vectors("caption_id", "feature", small_searle.DIM)
        vectors.write(feature_paths[-1], names, features(backbone)[which], schema)
    return caption_paths, feature_paths
