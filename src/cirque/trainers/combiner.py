"""Teach a Combiner from triplets on frozen features: its query must meet its own target among the batch's (CLIP4Cir).

`python -m cirque train_network combiner --triplets … --features … --weights … --output phi.safetensors`

Image features are read from files; those of the texts are computed once, before the first step. Where a triplet has two
captions, one of four texts is drawn for each epoch: either caption alone, or both in either order.

Order, texts and dropout are drawn from (seed, epoch) and (seed, step).
"""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from cirque import draws
from cirque.encoders import backbones, text
from cirque.encoders import features as image_features
from cirque.encoders.backbones import Backbone
from cirque.encoders.moving import moved
from cirque.encoders.text_queries import SIGNS_AT_ENDS, caption_orders
from cirque.errors import CirqueError, listed
from cirque.networks import combiner
from cirque.progress import progress, say
from cirque.store import files, schemas
from cirque.training import optimisers
from cirque.training.loop import EpochBatches, Training, fit

#: Losses of the training log, in its order.
LOSSES = ("contrastive",)

#: Texts that go through the text tower between two steps of the progress bar.
TEXTS_AT_ONCE = 2048


@dataclass(frozen=True)
class Settings:
    """Training of a Combiner by Adam, whose other settings are PyTorch's own, as released."""

    projection_dim: int  # width of either projection
    hidden_dim: int  # width of the layers after them
    dropout: float  # after each of both
    epochs: int  # passes over the triplets, in whole batches
    batch: int  # triplets, over whose targets the loss contrasts
    learning_rate: float  # constant
    scale: float  # of the cosines in the loss


@dataclass(frozen=True)
class Examples:
    """What a Combiner learns from; a triplet is a row of `pairs` and of `choices`.

    Attributes:
        features: of the images [n_images, dim], un-normalised.
        texts: of all texts that may be drawn [n_texts, dim], un-normalised.
        pairs: rows of reference and target in `features` [n, 2].
        choices: rows in `texts` of what each triplet may say, at least one of them.
    """

    features: Tensor
    texts: Tensor
    pairs: Tensor
    choices: Sequence[Sequence[int]]


@dataclass(frozen=True)
class Batch:
    """Features of a step's triplets [batch, dim], un-normalised."""

    references: Tensor
    texts: Tensor
    targets: Tensor


def prepare(
    *,
    triplets: Path,
    features: list[Path],
    weights: Path,
    settings: Settings,
    seed: int,
    device: torch.device,
    dtype: torch.dtype,
) -> Training:
    """The training of a Combiner on the triplets of an image set.

    Args:
        triplets: Triplets of a train split.
        features: Feature files of its images; a triplet goes with an image that failed.
        weights: Weights of the backbone that made them, whose text tower reads the captions.
        settings: Network and optimisation.
        seed: Seed of everything random.
        device: Where to train.
        dtype: Of the text tower that encodes the captions.
    """
    rows = files.read_table(triplets, schemas.TRIPLETS.names).to_pylist()
    backbone = backbones.load(weights, device, dtype=dtype)
    image_ids, array = image_features.load_features(features)
    kept = _with_images(rows, image_ids, image_features.failures(features), triplets)
    say(f"combiner: {len(rows):,} triplets, {len(rows) - len(kept):,} of them left out with images that failed")
    return training(
        examples_of(kept, image_ids, torch.from_numpy(array).to(device), backbone),
        settings,
        seed=seed,
        inputs=[triplets, *features, weights],
        metadata={"n_triplets": len(kept), "n_left_out": len(rows) - len(kept)},
    )


def _with_images(
    rows: Sequence[dict[str, Any]], image_ids: Sequence[str], failed: dict[str, str], source: Path
) -> list[dict[str, Any]]:
    """Triplets of which both images have a feature.

    Raises:
        CirqueError: an image is neither there nor among those that failed, or no triplet is left.
    """
    known = set(image_ids)
    lacking = [{row["reference_id"], row["target_id"]} - known for row in rows]
    strange = sorted({name for names in lacking for name in names if name not in failed})
    if strange:
        raise CirqueError(
            f"{source}: {len(strange):,} of its images are not in the image set ({listed(strange)}); captions and"
            " features are not of one split"
        )
    kept = [row for row, names in zip(rows, lacking, strict=True) if not names]
    if not kept:
        raise CirqueError(f"{source}: of {len(rows):,} triplets none has features of both its images")
    return kept


# ---- examples ------------------------------------------------------------------------------------------------------


def wordings(captions: Sequence[str]) -> list[str]:
    """What a triplet may say: its one caption, verbatim; of several, both orders of all and each alone, stripped.

    So the released code words FashionIQ's in training. (It writes the first letter large, which CLIP does not see.)
    """
    alone = [caption.strip(SIGNS_AT_ENDS) for caption in captions] if len(captions) > 1 else []
    return [*caption_orders(captions), *alone]


def examples_of(
    rows: Sequence[dict[str, Any]], image_ids: Sequence[str], features: Tensor, backbone: Backbone
) -> Examples:
    """Triplets with the features of their images and texts; a text over the context is cut, as released.

    Args:
        rows: of schemas.TRIPLETS, whose images all have features.
        image_ids: of the features.
        features: [n_images, dim], un-normalised, on the device to train on.
        backbone: that they come from.

    Raises:
        CirqueError: the features are of another backbone, or a triplet has no caption.
    """
    if features.shape[1] != backbone.dim:
        raise CirqueError(
            f"combiner: image features have {features.shape[1]} dimensions and the backbone {backbone.name} has"
            f" {backbone.dim}: they are of different backbones"
        )
    said = [wordings(row["captions"]) for row in rows if row["captions"]]
    if len(said) < len(rows):
        silent = next(row for row in rows if not row["captions"])
        raise CirqueError(
            f"combiner: {len(rows) - len(said):,} triplets have no caption (first: {silent['reference_id']} to"
            f" {silent['target_id']}); make the triplets anew"
        )
    place = {name: row for row, name in enumerate(image_ids)}
    pairs = [[place[row["reference_id"]], place[row["target_id"]]] for row in rows]
    row_of = {words: number for number, words in enumerate(dict.fromkeys(one for own in said for one in own))}
    choices = [[row_of[words] for words in own] for own in said]
    texts = _text_features(list(row_of), backbone).to(features.device)
    return Examples(features, texts, torch.tensor(pairs, device=features.device), choices)


@torch.no_grad()
def _text_features(texts: Sequence[str], backbone: Backbone) -> Tensor:
    """Features of texts as the tower gives them [n, dim]."""
    ids = text.tokenize(backbone, texts, truncate=True)
    starts = progress(range(0, len(ids), TEXTS_AT_ONCE), what="texts of triplets", unit="batch")
    return torch.cat([text.encode(backbone, ids[start : start + TEXTS_AT_ONCE]).float() for start in starts])


def drawn_texts(choices: Sequence[Sequence[int]], seed: int, epoch: int) -> list[int]:
    """Of what each triplet may say, what it says in an epoch; all are equally likely."""
    shares = draws.generator(seed, "combiner texts", epoch).random(len(choices))
    return [own[int(share * len(own))] for own, share in zip(choices, shares, strict=True)]


def batches(examples: Examples, settings: Settings, seed: int) -> tuple[Callable[[int], Batch], int]:
    """Step → its batch, and the steps of an epoch."""
    numbers = EpochBatches(len(examples.pairs), settings.batch, seed)
    texts_of = functools.lru_cache(maxsize=1)(functools.partial(drawn_texts, examples.choices, seed))

    def batch(step: int) -> Batch:
        chosen = numbers(step)
        said = texts_of(step // numbers.per_epoch)
        texts = torch.tensor([said[number] for number in chosen])
        rows, texts = moved([torch.tensor(chosen), texts], examples.features.device)
        references, targets = examples.features[examples.pairs[rows]].unbind(dim=1)
        return Batch(references, examples.texts[texts], targets)

    return batch, numbers.per_epoch


# ---- optimisation --------------------------------------------------------------------------------------------------


def contrastive_loss(queries: Tensor, targets: Tensor, scale: float) -> Tensor:
    """Cross-entropy over scaled cosines of each query and all targets of the batch, its own being right (as released).

    Two triplets of a batch may share their target, which then counts as wrong for the other one.

    Args:
        queries: [batch, dim], L2-normalised.
        targets: [batch, dim], of any length.
        scale: 1 / τ.
    """
    logits = scale * queries @ normalize(targets, dim=-1).T
    return cross_entropy(logits, torch.arange(len(logits), device=logits.device))


def training(
    examples: Examples,
    settings: Settings,
    *,
    seed: int,
    inputs: Sequence[Path] = (),
    metadata: dict[str, Any] | None = None,
) -> Training:
    """The training of a Combiner on examples in memory.

    Args:
        examples: on the device to train on.
        settings: network and optimisation.
        seed: of initial weights, order, texts and dropout.
        inputs: files that all this was read from.
        metadata: what the description of the network says besides.

    Raises:
        CirqueError: a batch has nothing to contrast, there is no epoch, or the network has no width.
    """
    n = len(examples.pairs)
    if min(n, settings.batch) < 2 or settings.epochs < 1:
        raise CirqueError(
            f"combiner: {settings.epochs} epochs in batches of {settings.batch} from {n} triplets have nothing to"
            " contrast; give at least 1, 2 and 2"
        )
    batch, per_epoch = batches(examples, settings, seed)
    widths = settings.projection_dim, settings.hidden_dim
    network = combiner.initial(examples.features.shape[1], *widths, settings.dropout, seed).to(examples.features.device)

    def loss(given: Batch, step: int) -> dict[str, Tensor]:
        return {"contrastive": contrastive_loss(network(given.references, given.texts), given.targets, settings.scale)}

    return Training(
        network,
        torch.optim.Adam(network.parameters(), lr=settings.learning_rate, **optimisers.fused(examples.features.device)),
        LOSSES,
        n_steps=settings.epochs * per_epoch,
        per_epoch=per_epoch,
        batch=batch,
        loss=loss,
        seed=seed,
        dropout="combiner dropout",
        inputs=inputs,
        metadata=lambda log: dict(metadata or {}),
        what="combiner",
    )


def train(
    examples: Examples, settings: Settings, *, seed: int, state_path: Path, seconds_between_saves: float = 60.0
) -> tuple[combiner.Combiner, list[dict[str, Any]]]:
    """Train in memory; returns the Combiner in evaluation mode and its log. Arguments as of `training` and `fit`."""
    prepared = training(examples, settings, seed=seed)
    log = fit(prepared, state_path, seconds_between_saves)
    return prepared.network.requires_grad_(False), log  # type: ignore[return-value]
