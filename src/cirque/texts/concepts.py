"""The concept vocabulary, its class embeddings, and the concepts nearest to each image (SEARLE §3.1).

`python -m cirque encode_concepts --vocabulary oidv7-class-descriptions.csv --weights weights.safetensors …`
`python -m cirque associate_concepts --features shard.parquet … --concept-features features.parquet --n-stored 250 …`

An image's concepts choose the phrases that regularise its pseudo token and φ. Association is zero-shot
classification: a concept's embedding is the mean over the 24 templates, normalised before and after the mean.
"""

import csv
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cirque.errors import CirqueError
from cirque.store import files, provenance

if TYPE_CHECKING:
    from cirque.encoders.backbones import Backbone

#: First line of the Open Images class file.
HEADER = ["LabelName", "DisplayName"]

#: Rows of similarities that are held at once: 1,024 images × 20,931 concepts in fp32 are 86 MB.
IMAGES_AT_ONCE = 1024

#: Names whose 24 texts go through the text tower in one call.
NAMES_AT_ONCE = 32


def read_vocabulary(path: Path) -> list[str]:
    """Display names of an Open Images class file (`LabelName,DisplayName`, CSV-quoted, UTF-8), in its order.

    Raises:
        CirqueError: the file is missing, is not UTF-8, has another header, a row of another width, or a name
            that is empty, repeated, has spaces at its ends, or contains the placeholder `$`.
    """
    provenance.read(path)
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = [row for row in csv.reader(stream, strict=True) if row]  # a blank last line is none
    except FileNotFoundError as error:
        raise CirqueError(f"{path}: no such file; it is the concept vocabulary ({','.join(HEADER)})") from error
    except UnicodeDecodeError as error:
        raise CirqueError(f"{path}: byte {error.start} of a block is not UTF-8; save the file as UTF-8") from error
    except csv.Error as error:
        raise CirqueError(f"{path}: broken CSV ({error}); names with a comma or a quote must be quoted") from error
    if not rows or rows[0] != HEADER:
        raise CirqueError(f"{path}: line 1 must be {','.join(HEADER)}")
    names: dict[str, None] = {}
    for number, row in enumerate(rows[1:], start=1):
        fault = _fault(row, names)
        if fault:
            raise CirqueError(f"{path}: class {number} ({','.join(row)}): {fault}")
        names[row[1]] = None
    if not names:
        raise CirqueError(f"{path}: holds no class")
    return list(names)


def _fault(row: list[str], names: dict[str, None]) -> str | None:
    """What is wrong with one row of the vocabulary, if anything."""
    if len(row) != len(HEADER):
        return f"{len(row)} columns instead of 2; quote names that contain a comma"
    name = row[1]
    if not name or name != name.strip():
        return f"the name {name!r} is empty or has spaces at its ends"
    if "$" in name:
        return f"the name {name!r} contains $, which stands for the pseudo token"
    if name in names:
        return f"the name {name!r} occurs twice"
    return None


def class_embeddings(names: list[str], backbone: "Backbone") -> Iterator[np.ndarray]:
    """Class embeddings of concept names, a few names at a time.

    Each template is filled with the name and one space on each side, encoded and normalised; the mean over
    the templates is normalised again.

    Yields:
        fp32 arrays [≤ 32, dim], L2-normalised, together in the order of `names`.
    """
    import torch  # noqa: PLC0415  (association needs numpy alone)

    from cirque.encoders import text  # noqa: PLC0415
    from cirque.texts.templates import TEMPLATES  # noqa: PLC0415

    for start in range(0, len(names), NAMES_AT_ONCE):
        part = names[start : start + NAMES_AT_ONCE]
        texts = [template.format(f" {name} ") for name in part for template in TEMPLATES]
        with torch.no_grad():
            features = torch.nn.functional.normalize(text.encode(backbone, texts), dim=-1)
            means = features.reshape(len(part), len(TEMPLATES), -1).mean(dim=1)
            yield torch.nn.functional.normalize(means, dim=-1).float().cpu().numpy()


def nearest(
    image_features: np.ndarray, concept_features: np.ndarray, n_stored: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The nearest concepts of each image by cosine, most similar first; ties in the order of the vocabulary.

    Args:
        image_features: [n_images, dim], of any length but zero.
        concept_features: [n_concepts, dim], L2-normalised.
        n_stored: concepts kept for each image.

    Yields:
        For each 1,024 images, indices into the vocabulary and similarities, both [n, n_stored].

    Raises:
        CirqueError: the dimensions differ, or more concepts are asked for than there are.
    """
    if image_features.shape[1] != concept_features.shape[1]:
        raise CirqueError(
            f"image features have {image_features.shape[1]} dimensions and concept features"
            f" {concept_features.shape[1]}: they are of different backbones"
        )
    if n_stored > len(concept_features):
        raise CirqueError(
            f"concepts.n_stored is {n_stored}, but the vocabulary has only {len(concept_features)} concepts"
        )
    for start in range(0, len(image_features), IMAGES_AT_ONCE):
        block = image_features[start : start + IMAGES_AT_ONCE]
        block = block / np.linalg.norm(block, axis=1, keepdims=True)
        similarities = block @ concept_features.T
        best = _top(similarities, n_stored)
        yield best, np.take_along_axis(similarities, best, axis=1)


def read_nearest(path: Path, image_ids: Sequence[str], n_concepts: int) -> list[list[str]]:
    """The first concepts of some images, in the images' order, without outer spaces and repeats.

    Args:
        path: nearest concepts of an image set (`associate`).
        image_ids: the images wanted.
        n_concepts: concepts wanted of each, most similar first.

    Raises:
        CirqueError: an image is not in the file.
    """
    wanted = pa.array(image_ids, pa.string())
    found: dict[str, list[str]] = {}
    for table in files.read_groups(path, ["image_id", "concepts"]):
        own = table.filter(pc.is_in(table["image_id"], wanted))
        for batch in own.to_batches(max_chunksize=IMAGES_AT_ONCE):
            rows = zip(batch["image_id"].to_pylist(), batch["concepts"].to_pylist(), strict=True)
            found |= {image_id: _first_concepts(names, n_concepts) for image_id, names in rows}
    missing = [image_id for image_id in image_ids if image_id not in found]
    if missing:
        raise CirqueError(f"{path}: {len(missing)} of {len(image_ids)} images have no concepts (first: {missing[0]})")
    return [found[image_id] for image_id in image_ids]


def _first_concepts(names: Sequence[str], n_concepts: int) -> list[str]:
    """The first different names; each text is held once, however many images it is near to."""
    return [sys.intern(name) for name in list(dict.fromkeys(name.strip() for name in names))[:n_concepts]]


def _top(scores: np.ndarray, k: int) -> np.ndarray:
    """Columns of the k largest scores of each row [n, k], largest first, equal scores by column."""
    n_columns = scores.shape[1]
    if k == n_columns:
        return np.argsort(-scores, axis=1, kind="stable")
    # The k-th largest value decides: all above it are in, and of those equal to it the first columns.
    threshold = np.partition(scores, n_columns - k, axis=1)[:, n_columns - k, None]
    above = scores > threshold
    equal = scores == threshold
    room = k - above.sum(axis=1, keepdims=True)
    chosen = above | (equal & (np.cumsum(equal, axis=1) <= room))
    columns = np.nonzero(chosen)[1].reshape(len(scores), k)
    order = np.argsort(-np.take_along_axis(scores, columns, axis=1), axis=1, kind="stable")
    return np.take_along_axis(columns, order, axis=1)
