"""SEARLE's two losses that read texts: phrases in which φ's token stands for a concept, and the cycle of Table 4.

regulariser = PhraseRegulariser(backbone, pool, image_ids, concepts, n_concepts=15, replace="all", seed=0)
loss = regulariser.loss(regulariser.batch(images, epoch), tokens)
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cirque import draws
from cirque.encoders import text
from cirque.encoders.backbones import Backbone
from cirque.encoders.moving import moved
from cirque.encoders.packed import PackedEncoder
from cirque.encoders.packing import Layout
from cirque.errors import CirqueError
from cirque.texts.phrase_pool import START, PhrasePool
from cirque.training import losses

#: The whole text of the cycle loss.
PROMPT = f"{START} {text.PLACEHOLDER}"


@dataclass(frozen=True)
class PhraseBatch:
    """A phrase for each image of a batch, on the device to train on."""

    pseudo: Layout  # the phrases with the placeholder for their concept
    features: Tensor  # [batch, dim] of the phrases as they are


class PhraseRegulariser:
    """Draws a phrase for each image and compares it with the same phrase in which φ's token stands for the concept."""

    def __init__(
        self,
        backbone: Backbone,
        pool: PhrasePool,
        image_ids: Sequence[str],
        concepts: Sequence[Sequence[str]],
        *,
        n_concepts: int,
        replace: text.Replace,
        seed: int,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        """Keep the usable ones of each image's first concepts.

        Args:
            backbone: whose text tower reads the phrases.
            pool: phrases and their features.
            image_ids: images, in the order of `concepts`.
            concepts: nearest concepts of each image, most similar first.
            n_concepts: of each image that are drawn from.
            replace: which occurrences of the concept in a phrase give way.
            seed: of the draws.
            dtype: of the tower's products, as of PackedEncoder.

        Raises:
            CirqueError: the features are of another backbone, or an image has no usable concept.
        """
        if len(pool.features) and pool.features.shape[1] != backbone.dim:
            raise CirqueError(
                f"phrase features have {pool.features.shape[1]} dimensions and the backbone {backbone.name} has"
                f" {backbone.dim}: they are of different backbones"
            )
        self.backbone, self.pool, self.image_ids, self.seed = backbone, pool, list(image_ids), seed
        self.replace = replace
        self.allowed = [
            pool.allowed(names, n_concepts, f"image {image_id}")
            for image_id, names in zip(image_ids, concepts, strict=True)
        ]
        self.encoder = PackedEncoder(backbone, prefixes=[START], dtype=dtype)

    def draw(self, images: Sequence[int], epoch: int) -> NDArray[np.int64]:
        """Number of a phrase for each image [batch]: uniform concept, then uniform phrase of it."""
        names = [self.image_ids[image] for image in images]
        drawn = []
        for image, generator in zip(images, draws.each(self.seed, "phi", names, epoch), strict=True):
            row = int(self.allowed[image][generator.integers(len(self.allowed[image]))])
            first, end = self.pool.starts[row : row + 2]
            drawn.append(int(generator.integers(first, end)))
        return np.array(drawn, dtype=np.int64)

    def batch(self, images: Sequence[int], epoch: int) -> PhraseBatch:
        """The phrases of a batch: `images` are rows."""
        numbers = self.draw(images, epoch)
        ids = self.pool.pseudo_ids(self.backbone, self.replace).take(numbers)
        # Only the first placeholder takes the token; the others stay a literal $, as released.
        layout = self.encoder.prepare(ids).laid_out(replace="first")
        return moved(PhraseBatch(layout, torch.from_numpy(self.pool.features[numbers])), self.encoder.device)

    def loss(self, batch: PhraseBatch, tokens: Tensor) -> Tensor:
        """L_gpt of a batch, from φ's tokens [batch, token_dim] for its images."""
        _require_dim(self.backbone, "inversion tokens", tokens.shape[1], self.backbone.token_dim)
        return losses.cosine_loss(self.encoder(batch.pseudo, tokens), batch.features)


class CycleLoss:
    """Compares the text `a photo of $` with φ's token to the image that the token is of: "w/o distil", SEARLE Table 4.

    The paper says that PALAVRA's cycle contrastive loss between text and image features takes the place of the
    distillation, and gives neither prompt nor τ. Our decision: the bare prompt, the released distillation's form of
    NT-Xent (PALAVRA's own loss has the same), and its τ.
    """

    def __init__(self, backbone: Backbone, temperature: float, dtype: torch.dtype = torch.float32) -> None:
        """Compute the prompt's constants.

        Args:
            backbone: whose text tower reads the tokens, and whose image tower gave the features.
            temperature: τ.
            dtype: of the tower's products, as of PackedEncoder.
        """
        self.backbone, self.temperature = backbone, temperature
        self.encoder = PackedEncoder(backbone, prefixes=[START], dtype=dtype)
        self.prompt = self.encoder.prepare(text.tokenize(backbone, [PROMPT]))
        self._layouts: dict[int, Layout] = {}  # by size of the batch, which is always the same

    def loss(self, features: Tensor, tokens: Tensor) -> Tensor:
        """Loss of image features [batch, dim], of any length, and φ's tokens for them [batch, token_dim]."""
        _require_dim(self.backbone, "image features", features.shape[1], self.backbone.dim)
        _require_dim(self.backbone, "inversion tokens", tokens.shape[1], self.backbone.token_dim)
        n = len(tokens)
        if n not in self._layouts:
            self._layouts[n] = self.prompt.pack(chosen=np.zeros(n, dtype=np.int64))
        texts = self.encoder(self._layouts[n], tokens)
        return losses.distillation_loss(features, texts, self.temperature, "released")


def _require_dim(backbone: Backbone, what: str, found: int, needed: int) -> None:
    """Refuse vectors of another backbone.

    Raises:
        CirqueError: they have another number of dimensions.
    """
    if found != needed:
        raise CirqueError(
            f"{what} have {found} dimensions and the backbone {backbone.name} needs {needed}: they are of different"
            " backbones"
        )
