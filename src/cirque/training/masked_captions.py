"""Captions whose keywords give way to φ's token, and the loss against the whole caption (LinCIR §3.2, Eq. 2)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from cirque.encoders.backbones import Backbone
from cirque.encoders.moving import moved
from cirque.encoders.packed import PackedEncoder
from cirque.encoders.packing import Layout
from cirque.errors import CirqueError
from cirque.texts import keywords
from cirque.training.loop import EpochBatches
from cirque.training.masked_texts import MaskedTexts
from cirque.training.noise import NOISES, draw_noise

#: What stands before the token in a caption that lost its placeholders, and in the constant text of Table 7 (a).
PREFIX = "a photo of"


class MaskedSettings(Protocol):
    """What of a training's settings concerns masking and noise."""

    @property
    def batch(self) -> int:
        """Captions of a step."""

    @property
    def input(self) -> str:
        """What φ reads: `text` or `image`."""

    @property
    def masking(self) -> str:
        """A name of `keywords.MASKINGS`."""

    @property
    def noise(self) -> str:
        """A name of `noise.NOISES`."""

    @property
    def noise_scale(self) -> float:
        """Factor of the noise."""


@dataclass(frozen=True)
class Corpus:
    """Captions and the features of their texts, one row a caption; for the input `image` also of their images."""

    captions: pa.Table  # caption_id, caption, words, pos as in schemas.CAPTIONS
    features: NDArray[np.float32]  # z [n, dim], un-normalised
    images: NDArray[np.float32] | None = None  # image features [n, dim], un-normalised


@dataclass(frozen=True)
class Batch:
    """What one step needs, on the device to train on."""

    features: Tensor  # z [batch, dim], what is to be met
    noisy: Tensor  # z, or the images' features, with noise [batch, dim], what φ reads
    masked: Layout  # the masked captions


class MaskedCaptions:
    """Gives the batch of each step, and compares masked captions that hold φ's tokens with the whole ones."""

    def __init__(
        self,
        backbone: Backbone,
        corpus: Corpus,
        settings: MaskedSettings,
        *,
        seed: int,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        """Take the tower's constants.

        Args:
            backbone: whose text tower reads the masked captions, and made the features.
            corpus: captions and features.
            settings: batch, masking and noise.
            seed: of the order, masking and noise.
            dtype: of the tower's products, as of PackedEncoder.

        Raises:
            CirqueError: there is no caption, features do not fit or are missing, or a masking or noise is not known.
        """
        n = corpus.captions.num_rows
        if not n or settings.batch < 1:
            raise CirqueError(f"lincir: {n} captions in batches of {settings.batch}; give at least one of each")
        if corpus.features.shape != (n, backbone.dim):
            raise CirqueError(
                f"lincir: caption features of shape {list(corpus.features.shape)} for {n} captions and the backbone"
                f" {backbone.name} of {backbone.dim} dimensions; encode these captions by this backbone"
            )
        if (settings.input == "image") != (corpus.images is not None):
            has = "no image features" if corpus.images is None else "image features"
            raise CirqueError(
                f"lincir: the input is {settings.input} and the captions have {has}; give those of their images with"
                " the input image, and only then"
            )
        if corpus.images is not None and corpus.images.shape != (n, backbone.dim):
            raise CirqueError(
                f"lincir: image features of shape {list(corpus.images.shape)} for {n} captions and the backbone"
                f" {backbone.name} of {backbone.dim} dimensions; give one image of this backbone for each caption"
            )
        _require_known("masking", settings.masking, list(keywords.MASKINGS))
        _require_known("noise", settings.noise, list(NOISES))
        self.backbone, self.corpus, self.settings, self.seed = backbone, corpus, settings, seed
        self.batches = EpochBatches(n, settings.batch, seed)
        self.per_epoch = self.batches.per_epoch
        self.encoder = PackedEncoder(backbone, prefixes=[PREFIX], dtype=dtype)
        self.texts = MaskedTexts(backbone, corpus.captions, settings.masking, seed)

    def batch(self, step: int) -> Batch:
        """The batch of a step: passes over all captions, each in an order of its own, whole batches only."""
        epoch, chosen = step // self.per_epoch, np.array(self.batches(step))
        features = self.corpus.features[chosen]
        read = features if self.corpus.images is None else self.corpus.images[chosen]
        names = self.corpus.captions["caption_id"].take(pa.array(chosen)).to_pylist()
        noise = draw_noise(self.settings.noise, self.seed, names, epoch, features.shape[1])
        noisy = torch.from_numpy(read + np.float32(self.settings.noise_scale) * noise)
        layout = self.encoder.prepare(self.texts.ids(chosen, epoch)).laid_out(replace="all")
        return moved(Batch(torch.from_numpy(features), noisy, layout), self.encoder.device)

    def loss(self, batch: Batch, tokens: Tensor) -> Tensor:
        """Mean squared error over captions and dimensions (LinCIR Eq. 2), from φ's tokens [batch, token_dim]."""
        return functional.mse_loss(self.encoder(batch.masked, tokens), batch.features)


def _require_known(what: str, name: str, known: Sequence[str]) -> None:
    if name not in known:
        raise CirqueError(f"lincir: no {what} is called {name!r}; there are {', '.join(known)}")
