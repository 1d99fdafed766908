"""PALAVRA at retrieval time: from f_θ's token on, a few steps towards the image and away from its coarse concept.

    tokens = optimise(backbone, network, Images(image_ids, features, coarse), settings)  # [n, token_dim]

The loss of an image contrasts two pairs: its feature and that of the bare token, the coarse concept and itself (spec
searle §8.1). SEARLE says that an input concept is needed and not which; here it is the image's nearest.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from cirque.encoders import text
from cirque.encoders.backbones import Backbone
from cirque.encoders.packed import PackedEncoder
from cirque.errors import CirqueError, listed
from cirque.networks import palavra
from cirque.progress import progress
from cirque.texts import concepts as association
from cirque.training import losses as phi_losses
from cirque.training import optimisers

#: The whole text of the optimisation: no words.
PROMPT = text.PLACEHOLDER


@dataclass(frozen=True)
class Settings:
    """Optimisation of a token by Adam.

    `coarse` says which text feature of the coarse concept A moves: `released` the normalised one, though A learned from
    un-normalised ones and has a bias; `trained` the un-normalised one.
    """

    steps: int
    learning_rate: float
    temperature: float  # τ
    coarse: Literal["released", "trained"]
    batch: int  # images at once; changes speed, not the loss of an image


@dataclass(frozen=True)
class Images:
    """What is inverted, one row an image."""

    image_ids: list[str]
    features: NDArray[np.float32]  # [n, dim], of any length
    coarse: list[str]  # concept of each


def pair_losses(images: Tensor, texts: Tensor, coarse: Tensor, temperature: float) -> Tensor:
    """NT-Xent of two pairs, {image, coarse} with {text, coarse}, of each image [n].

    Args:
        images: image features [n, dim], of any length.
        texts: features of the texts with the tokens [n, dim], of any length.
        coarse: features of the coarse concepts [n, dim], of any length.
        temperature: τ.
    """
    first, second = torch.stack([images, coarse], dim=1), torch.stack([texts, coarse], dim=1)
    losses: Tensor = torch.vmap(phi_losses.distillation_loss, in_dims=(0, 0, None, None))(
        first, second, temperature, "released"
    )
    return losses


def coarse_features(backbone: Backbone, network: palavra.PalavraPhi, concepts: list[str], settings: Settings) -> Tensor:
    """Text feature of each concept's bare name, moved by A, [n, dim]."""
    names = list(dict.fromkeys(concepts))
    rows = {name: row for row, name in enumerate(names)}
    with torch.no_grad():
        features = text.encode(backbone, names).float()
        if settings.coarse == "released":
            features = functional.normalize(features, dim=-1)
        return network.align(features)[[rows[concept] for concept in concepts]]


def invert(
    *,
    backbone: Backbone,
    image_ids: list[str],
    image_vectors: NDArray[np.float32],
    concepts: Path,
    phi: Path,
    settings: Settings,
    device: torch.device,
    dtype: torch.dtype,
) -> NDArray[np.float32]:
    """Pseudo tokens of images [n, token_dim]: f_θ's token, then a few steps of optimisation; nothing is drawn.

    Args:
        backbone: Whose text tower the tokens are for.
        image_ids: Names of the images.
        image_vectors: Their features [n, dim].
        concepts: Nearest concepts of the image set; the first is an image's coarse concept.
        phi: Networks of the trainer palavra.
        settings: Of the optimisation.
        device: Where to compute.
        dtype: Of the text tower's products.
    """
    coarse = [first for (first,) in association.read_nearest(concepts, image_ids, 1)]
    return optimise(backbone, palavra.load(phi, device), Images(image_ids, image_vectors, coarse), settings, dtype)


def optimise(
    backbone: Backbone,
    network: palavra.PalavraPhi,
    images: Images,
    settings: Settings,
    dtype: torch.dtype = torch.float32,
) -> NDArray[np.float32]:
    """Pseudo tokens of images [n, token_dim]; what is found for one does not depend on the others.

    Args:
        backbone: whose text tower reads the tokens.
        network: f_θ and A, on the backbone's device.
        images: features and coarse concepts.
        settings: of the optimisation.
        dtype: of the text tower's products.

    Raises:
        CirqueError: the networks are of another backbone, or a token is not finite (the message names the images).
    """
    if (network.dim, network.token_dim) != (backbone.dim, backbone.token_dim):
        raise CirqueError(
            f"palavra: the networks read {network.dim} dimensions and give {network.token_dim}, and the backbone"
            f" {backbone.name} has {backbone.dim} and {backbone.token_dim}: they are of different backbones"
        )
    encoder = PackedEncoder(backbone, dtype=dtype)
    prompt = encoder.prepare(text.tokenize(backbone, [PROMPT]))
    features = torch.from_numpy(images.features).to(encoder.device)
    coarse = coarse_features(backbone, network, images.coarse, settings)
    tokens = [np.zeros((0, backbone.token_dim), dtype=np.float32)]
    starts = range(0, len(features), settings.batch)
    bar: Any = progress(total=len(starts) * settings.steps, what="palavra", unit="step")
    with bar:
        for start in starts:
            part = slice(start, start + settings.batch)
            layout = prompt.pack(np.zeros(len(features[part]), dtype=np.int64))
            with torch.no_grad():
                found = network(features[part])
            found.requires_grad_(True)
            adam = torch.optim.Adam([found], lr=settings.learning_rate)
            for _ in range(settings.steps):
                losses = pair_losses(features[part], encoder(layout, found), coarse[part], settings.temperature)
                (found.grad,) = torch.autograd.grad(losses.sum(), found)
                optimisers.step(adam)
                bar.update()
            tokens.append(found.detach().cpu().numpy())
    whole = np.concatenate(tokens)
    _refuse_broken(images, whole, settings)
    return whole


def _refuse_broken(images: Images, tokens: NDArray[np.float32], settings: Settings) -> None:
    broken = np.flatnonzero(~np.isfinite(tokens).all(axis=1)).tolist()
    if broken:
        raise CirqueError(
            f"palavra: the tokens of {len(broken)} of {len(tokens)} images are not finite"
            f" ({listed([images.image_ids[row] for row in broken])}); nothing was written. Lower learning_rate (now"
            f" {settings.learning_rate:g}), or look for broken features"
        )
