"""Teach φ from captions alone: self-masking projection (LinCIR §3.2, as released).

`python -m cirque train_network lincir --captions … --caption-features … --weights …`

The text feature z of a caption, with noise, goes through φ; φ's token takes the place of the caption's keywords; the
text feature of that must be z again. φ never sees an image: the noise is what carries it over to them. Only for Table
7 (b) φ reads the feature of the caption's image in place of z; what is to be met stays z.

The order of captions, noise, masking and dropout are drawn from (seed, pass), (seed, caption, pass) and (seed, step). A
pass is an epoch over all captions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from cirque.encoders import backbones
from cirque.errors import CirqueError
from cirque.networks import phi
from cirque.training import caption_corpus, validation
from cirque.training.loop import Training, fit
from cirque.training.masked_captions import Batch, MaskedCaptions
from cirque.training.selection import KeepBest, best_line
from cirque.training.validation import Validation

#: Losses of the training log, in its order.
LOSSES = ("mse",)

#: What the training log calls the result of a validation, in percent.
RECALL = "R@1"

#: Steps whose mean loss is one line of the training log.
STEPS_BETWEEN_LINES = 100


@dataclass(frozen=True)
class Settings:
    """Training of φ from captions; the released network has no LayerNorm, unlike the paper's text.

    `steps` are of the optimiser, over as many passes as they take. `input` is what φ reads, noise added: the caption's
    feature, or that of its image (Table 7 b). `masking` is a name of `keywords.MASKINGS`, `noise` of `noise.NOISES`.
    With the selection `best`, R@1 is measured every `validate_every` steps and the best network is kept.
    """

    steps: int
    batch: int
    learning_rate: float
    weight_decay: float
    dropout: float
    input: Literal["text", "image"]
    masking: str
    noise: str
    noise_scale: float
    selection: Literal["last", "best"]
    validate_every: int


def prepare(
    *,
    captions: list[Path],
    caption_features: list[Path],
    weights: Path,
    settings: Settings,
    seed: int,
    device: torch.device,
    dtype: torch.dtype,
    image_features: list[Path] | None = None,
    validation_queries: Path | None = None,
    validation_gallery: Path | None = None,
    validation_features: list[Path] | None = None,
) -> Training:
    """The training of φ on captions.

    Args:
        captions: Tagged captions of all parts of all corpora.
        caption_features: Their text features by the same backbone, in the same order.
        weights: Weights of the backbone.
        settings: What φ reads, masking, noise, optimisation and selection.
        seed: Seed of everything random.
        device: Where to train.
        dtype: Of the text tower's products.
        image_features: Feature files of the captions' images, image after image as caption after caption, for the input
            image; an image that failed takes its caption with it.
        validation_queries: Queries with targets (CIRR's val) by which the selection `best` chooses.
        validation_gallery: Their gallery.
        validation_features: Feature files of the image set that holds gallery and references.
    """
    backbone = backbones.load(weights, device)
    corpus = caption_corpus.read_corpus(captions, caption_features)
    inputs, judged = [*captions, *caption_features, weights], None
    if settings.input == "image":
        if not image_features:
            raise CirqueError("train_network lincir: the input is image: give --image-features, or --input text")
        corpus = caption_corpus.with_images(corpus, captions, image_features)
        inputs += image_features
    if settings.selection == "best":
        if validation_queries is None or validation_gallery is None or not validation_features:
            raise CirqueError(
                "train_network lincir: the selection is best: give --validation-queries, --validation-gallery and"
                " --validation-features, or --selection last"
            )
        inputs += [validation_queries, validation_gallery, *validation_features]
        judged = validation.read(validation_queries, validation_gallery, validation_features, backbone)
    source = MaskedCaptions(backbone, corpus, settings, seed=seed, dtype=dtype)
    return training(source, settings, seed=seed, judged=judged, inputs=inputs)


def training(
    source: MaskedCaptions,
    settings: Settings,
    *,
    seed: int,
    judged: Validation | None = None,
    inputs: Sequence[Path] = (),
) -> Training:
    """The training of φ on captions in memory.

    Args:
        source: captions, on the device to train on.
        settings: optimisation and selection.
        seed: of initial weights and dropout.
        judged: what the selection `best` measures R@1 on.
        inputs: files that all this was read from.

    Raises:
        CirqueError: a number of steps is none, or the validation is missing.
    """
    if settings.steps < 1 or settings.validate_every < 1:
        raise CirqueError(f"lincir: steps {settings.steps}, validate_every {settings.validate_every}; 1 is the least")
    callbacks = []
    if settings.selection == "best":
        if judged is None:
            raise CirqueError("lincir: the selection is best, so validation queries, gallery and features are needed")
        callbacks = [KeepBest(judged.recall, RECALL, settings.validate_every, settings.steps)]
    network = phi.initial(source.backbone.dim, source.backbone.token_dim, settings.dropout, seed)
    network = network.to(source.encoder.device)

    def loss(batch: Batch, step: int) -> dict[str, Tensor]:
        return {"mse": source.loss(batch, network(batch.noisy))}

    def metadata(log: Sequence[dict[str, Any]]) -> dict[str, Any]:
        return {"n_captions": source.corpus.captions.num_rows, "selection": _selection(settings, log)}

    return Training(
        network,
        # fused: one pass over φ's weights instead of one for each operation; a step of few short texts waits for it
        torch.optim.AdamW(
            network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=True
        ),
        LOSSES,
        n_steps=settings.steps,
        per_epoch=source.per_epoch,
        batch=source.batch,
        loss=loss,
        seed=seed,
        dropout="lincir dropout",
        per_line=STEPS_BETWEEN_LINES,
        callbacks=callbacks,
        inputs=inputs,
        metadata=metadata,
    )


def _selection(settings: Settings, log: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Which step's network was kept, and by what result."""
    if settings.selection == "last":
        return {"rule": "last", "step": settings.steps}
    best = best_line(log, RECALL)
    return {"rule": "best", "step": best["step"], RECALL: best["value"]}


def train(
    source: MaskedCaptions,
    settings: Settings,
    *,
    seed: int,
    state_path: Path,
    seconds_between_saves: float = 60.0,
    judged: Validation | None = None,
) -> tuple[phi.Phi, list[dict[str, Any]]]:
    """Train φ in memory; returns φ in evaluation mode and its training log. Arguments as of `training` and `fit`."""
    prepared = training(source, settings, seed=seed, judged=judged)
    log = fit(prepared, state_path, seconds_between_saves)
    return prepared.network.requires_grad_(False), log  # type: ignore[return-value]
