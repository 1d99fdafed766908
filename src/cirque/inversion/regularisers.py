"""What regularises the tokens of images by optimisation: phrases of their concepts, or SEARLE Table 4's ablations."""

from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cirque.encoders import backbones
from cirque.encoders.text import Replace
from cirque.store import files
from cirque.texts import concepts as association
from cirque.texts import phrase_pool


class Regularised(Protocol):
    """What of an inversion's settings concerns its regulariser."""

    @property
    def lambda_gpt(self) -> float:
        """Weight; 0: there is no regulariser."""

    @property
    def regulariser(self) -> str:
        """`phrases`, `prompt` or `random-word`."""

    @property
    def n_concepts(self) -> int:
        """Nearest concepts of each image that are drawn from."""

    @property
    def replace(self) -> Replace:
        """Which occurrences of the concept in a phrase give way to the token."""


def files_read(concepts: Path, phrases: list[Path], phrase_features: list[Path], settings: Regularised) -> list[Path]:
    """The files that the regulariser is made from."""
    if not settings.lambda_gpt:
        return []
    return {
        "phrases": [concepts, *phrases, *phrase_features],
        "prompt": [concepts],
        "random-word": phrases,  # their concepts are the vocabulary
    }[settings.regulariser]


def nearest_concepts(path: Path, image_ids: list[str], settings: Regularised) -> list[list[str]]:
    """The nearest concepts of each image; none where the regulariser does not ask for them."""
    if not settings.lambda_gpt or settings.regulariser == "random-word":
        return [[] for _ in image_ids]
    return association.read_nearest(path, image_ids, settings.n_concepts)


def pool_of(
    phrases: list[Path],
    phrase_features: list[Path],
    names: list[list[str]],
    backbone: backbones.Backbone,
    settings: Regularised,
) -> phrase_pool.PhrasePool | None:
    """The phrases to draw from and their features; None without a regulariser."""
    if not settings.lambda_gpt:
        return None
    if settings.regulariser == "random-word":
        return phrase_pool.of_prompts(files.read_tables(phrases, ["concept"])["concept"].to_pylist(), backbone)
    needed = {name for row in names for name in row}
    if settings.regulariser == "prompt":
        return phrase_pool.of_prompts(sorted(needed), backbone)
    pool = phrase_pool.load(phrases, phrase_features, needed)
    return phrase_pool.without_cut_placeholders(pool, backbone, settings.replace)


def allowed_rows(
    pool: phrase_pool.PhrasePool | None, image_ids: list[str], names: list[list[str]], settings: Regularised
) -> list[NDArray[np.int64]]:
    """Rows in the pool of the concepts that each image may draw."""
    if pool is None or settings.regulariser == "random-word":
        return [np.arange(len(pool.rows) if pool else 0)] * len(image_ids)
    return [
        pool.allowed(row, settings.n_concepts, f"image {image_id}")
        for image_id, row in zip(image_ids, names, strict=True)
    ]
