"""What a batch of images is inverted by: templates and phrases of all steps, drawn for each image, and the two losses.

    batch = Batch(encoder_for(backbone), images, pool, settings, seed=0)
    l_cos, l_gpt = batch.losses(tokens, batch.texts_of(step))

Templates and phrases are drawn from (seed, image): neither shards, batches nor a resumed run change them.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cirque import draws
from cirque.encoders import text, token_ids
from cirque.encoders.backbones import Backbone
from cirque.encoders.moving import moved
from cirque.encoders.packed import PackedEncoder
from cirque.encoders.packing import Layout
from cirque.encoders.token_ids import TokenIds
from cirque.texts.phrase_pool import START, PhrasePool
from cirque.texts.templates import TEMPLATES

#: torch's CosineEmbeddingLoss adds this to the squared norms.
EPSILON = 1e-12


class Compared(Protocol):
    """What of an inversion's settings concerns its texts."""

    @property
    def steps(self) -> int:
        """Steps, of which each has a template and a phrase of its own for each image."""

    @property
    def replace(self) -> text.Replace:
        """Which occurrences of the concept in a phrase give way to the token."""


@dataclass(frozen=True)
class Images:
    """What is inverted, one row an image."""

    image_ids: list[str]
    features: NDArray[np.float32]  # [n, dim], un-normalised
    concepts: list[NDArray[np.int64]]  # rows in the phrase pool of the concepts that each image may draw


# ---- draws ---------------------------------------------------------------------------------------------------------


def draw_templates(seed: int, image_id: str, steps: int) -> NDArray[np.int64]:
    """Template of every step of one image, [steps]."""
    return draws.generator(seed, "oti template", image_id).integers(len(TEMPLATES), size=steps)


def draw_phrases(
    seed: int, image_id: str, sizes: NDArray[np.int64], steps: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Concept and phrase of every step of one image, each [steps].

    The phrases of all concepts form one pool and are equally likely, as released.

    Args:
        seed: of the run.
        image_id: of the image.
        sizes: numbers of phrases of its usable concepts.
        steps: how many to draw.
    """
    ends = np.cumsum(sizes)
    drawn = draws.generator(seed, "oti phrase", image_id).integers(ends[-1], size=steps)
    concepts = np.searchsorted(ends, drawn, side="right")
    return concepts, drawn - (ends - sizes)[concepts]


# ---- a batch -------------------------------------------------------------------------------------------------------


def encoder_for(backbone: Backbone, dtype: torch.dtype = torch.float32) -> PackedEncoder:
    """The encoder of inversion, which knows what stands before the token in all its texts."""
    starts = [START, *(template.split("{}")[0] for template in TEMPLATES)]
    return PackedEncoder(backbone, starts, dtype)


def cosine_loss(a: Tensor, b: Tensor) -> Tensor:
    """1 − cos of each pair of rows [n], as torch's CosineEmbeddingLoss with target 1 has it."""
    norms = (a.square().sum(1) + EPSILON) * (b.square().sum(1) + EPSILON)
    return 1 - (a * b).sum(1) / norms.sqrt()


@dataclass(frozen=True)
class StepTexts:
    """What one step compares tokens by, on the device."""

    layout: Layout  # a template for each image, then a phrase for each
    phrases: Tensor | None  # features of the phrases as they are [n, dim]; None: L_gpt is 0


class Batch:
    """Images that are inverted together: the texts of all their steps."""

    def __init__(
        self, encoder: PackedEncoder, images: Images, pool: PhrasePool | None, settings: Compared, seed: int
    ) -> None:
        """Draw the texts of all steps.

        Args:
            encoder: of `encoder_for`.
            images: the images of this batch.
            pool: phrases and their features; None: L_gpt is 0.
            settings: how many steps, and what gives way in a phrase.
            seed: of the draws.
        """
        self.encoder, self.images, self.pool = encoder, images, pool
        self.features = moved(torch.from_numpy(images.features), encoder.device)
        self.templates = np.stack([draw_templates(seed, image_id, settings.steps) for image_id in images.image_ids])
        self.owners = np.arange(len(images.image_ids))
        ids = token_ids.tokenize(encoder.backbone, [template.format(f" {text.PLACEHOLDER} ") for template in TEMPLATES])
        if pool is not None:
            self.phrases = np.stack(
                [
                    _phrase_numbers(pool, concepts, seed, image_id, settings.steps)
                    for image_id, concepts in zip(images.image_ids, images.concepts, strict=True)
                ]
            )
            numbers, which = np.unique(self.phrases, return_inverse=True)
            self.phrase_texts = which.reshape(self.phrases.shape) + len(TEMPLATES)
            ids = TokenIds.joined([ids, pool.pseudo_ids(encoder.backbone, settings.replace).take(numbers)])
            self.owners = np.tile(self.owners, 2)
        self.texts = encoder.prepare(ids)

    def texts_of(self, step: int) -> StepTexts:
        """The texts of one step, laid out."""
        chosen = self.templates[:, step]
        if self.pool is None:
            return StepTexts(self.texts.pack(chosen, self.owners), None)
        layout = self.texts.laid_out(np.concatenate([chosen, self.phrase_texts[:, step]]), self.owners)
        features = torch.from_numpy(self.pool.features[self.phrases[:, step]])
        return moved(StepTexts(layout, features), self.encoder.device)

    def losses(self, tokens: Tensor, texts: StepTexts) -> tuple[Tensor, Tensor]:
        """L_cos and L_gpt of each image [n], for the texts of one step.

        Args:
            tokens: [n, token_dim].
            texts: of the step.
        """
        if texts.phrases is None:
            with_template = self.encoder(texts.layout, tokens)
            return cosine_loss(with_template, self.features), with_template.new_zeros(len(with_template))
        with_template, with_phrase = self.encoder(texts.layout, tokens).chunk(2)
        return cosine_loss(with_template, self.features), cosine_loss(with_phrase, texts.phrases)


def _phrase_numbers(
    pool: PhrasePool, concepts: NDArray[np.int64], seed: int, image_id: str, steps: int
) -> NDArray[np.int64]:
    """Number in the pool of the phrase of every step of one image, [steps]."""
    sizes = pool.starts[concepts + 1] - pool.starts[concepts]
    concept, phrase = draw_phrases(seed, image_id, sizes, steps)
    numbers: NDArray[np.int64] = pool.starts[concepts[concept]] + phrase
    return numbers
