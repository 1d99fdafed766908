"""Train a CLIP, all of it: an image and its caption must have like features (Radford et al., 2021).

    history = train(model, tokenizer, data, settings, run, texts_per_image=2)

From random weights that makes a backbone of the mini world, from the weights of another one a fine-tuned backbone
(Pic2Word Supp. Table 5). A step costs little because a batch of texts is cut to its longest, and because the token
embedding is trained only in the rows that occur: the others have no gradient and no decay, and would cost a mini
backbone more than both towers.

The order of images is drawn by one generator, epoch after epoch; a training that was killed draws the epochs that are
done again, so that it ends with the same bits.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn.functional import embedding

from cirque.encoders.moving import moved
from cirque.errors import CirqueError
from cirque.progress import say
from cirque.training import optimisers
from cirque.training.contrastive import contrastive_loss, learning_rate
from cirque.training.loop import Training, fit
from cirque.training.processes import ALONE, Group

Pixels = npt.NDArray[np.uint8]

#: The one loss of the training log.
LOSSES = ("loss",)

#: Texts that are tokenised in one call; all of CC3M at once would take gigabytes.
_AT_ONCE = 50_000

#: CLIP's own bound: logits are scaled by at most 100.
LARGEST_LOG_SCALE = math.log(100.0)

#: Gradients longer than this are cut, without which a patch of 8 is not learned at this rate.
LARGEST_GRADIENT = 1.0


@dataclass(frozen=True)
class Settings:
    """How a CLIP is trained."""

    epochs: int
    batch: int  # images, over all of which the loss contrasts
    learning_rate: float
    weight_decay: float
    warmup: int  # steps of linear warm-up before the cosine


@dataclass(frozen=True)
class Captioned:
    """Images of the model's own size, and their captions."""

    pixels: Callable[[npt.NDArray[np.int64]], Pixels]  # numbers of images [n] → [n, side, side, 3]
    captions: list[list[str]]  # of each image, one at least

    @classmethod
    def in_memory(cls, images: Pixels, captions: list[list[str]]) -> "Captioned":
        """Images that are all held at once, [n, side, side, 3]."""
        return cls(lambda numbers: images[numbers], captions)


class Texts:
    """Captions as token ids, numbered anew so that only the rows of the embedding that occur are counted.

    The order of ids is kept, and with it the end token's place as the largest.
    """

    def __init__(self, captions: Sequence[Sequence[str]], tokenizer: Any) -> None:
        flat = [text for texts in captions for text in texts]
        if not flat:
            raise CirqueError("training: there is no caption to learn from")
        # [n_texts, context_length], zero after the end token
        ids = torch.cat([tokenizer(flat[start : start + _AT_ONCE]).int() for start in range(0, len(flat), _AT_ONCE)])
        self.lengths = (ids != 0).sum(1)  # the first id, the start token, is not zero
        occurs = torch.zeros(int(ids.max()) + 1, dtype=torch.bool)
        new_number = torch.empty(len(occurs), dtype=torch.int32)
        for block in torch.split(ids, _AT_ONCE):
            occurs[block] = True
        self.rows = occurs.nonzero().squeeze(1)
        new_number[self.rows] = torch.arange(len(self.rows), dtype=torch.int32)
        for block in torch.split(ids, _AT_ONCE):
            block.copy_(new_number[block])
        self.ids = ids
        self.counts = torch.tensor([len(texts) for texts in captions])
        self.first = torch.cumsum(self.counts, 0) - self.counts

    def draw(self, generator: torch.Generator) -> torch.Tensor:
        """One text for each image: its number, [n_images]."""
        chosen = torch.rand(len(self.counts), generator=generator)
        return self.first + (chosen * self.counts).long()

    def batch(self, numbers: torch.Tensor) -> torch.Tensor:
        """Ids of some texts, cut to the longest: [n, longest]."""
        longest = int(self.lengths[numbers].max())
        return self.ids[numbers, :longest].long()


def encode_texts(model: Any, rows: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    """Text features [n, d] of ids [n, length], which number the rows of the embedding.

    CLIP's end token has the largest id. Positions after it are dead, since each sees only what lies before it.
    """
    if hasattr(model, "encode_texts"):  # a text tower of another kind
        return cast(Tensor, model.encode_texts(ids, rows))
    length = ids.shape[1]
    x = embedding(ids, rows) + model.positional_embedding[:length]
    x = model.transformer(x, attn_mask=model.attn_mask[:length, :length])
    features: torch.Tensor = model.ln_final(x)[torch.arange(len(ids)), ids.argmax(1)] @ model.text_projection
    return features


class _Trained(nn.Module):
    """The weights that change: those of a model, but some of its own replaced by others."""

    def __init__(self, model: Any, replaced: Mapping[str, nn.Parameter]) -> None:
        super().__init__()
        self.model, self.others = model, nn.ParameterList(replaced.values())
        self.replaced = frozenset(replaced)
        for name in replaced:  # has no gradient, for which several processes would wait
            model.get_parameter(name).requires_grad_(False)

    def groups(self, weight_decay: float) -> list[dict[str, Any]]:
        """Parameters for AdamW; only matrices decay, and no embedding does, nor what stands for another weight."""
        named = [(name, weight) for name, weight in self.model.named_parameters() if name not in self.replaced]
        decaying = [weight for name, weight in named if weight.ndim >= 2 and "embedding" not in name]
        chosen = {id(weight) for weight in decaying}
        steady = [*self.others, *(weight for _, weight in named if id(weight) not in chosen)]
        return [{"params": decaying, "weight_decay": weight_decay}, {"params": steady, "weight_decay": 0.0}]


class _Loss(nn.Module):
    """A loss as the forward pass of what is trained, by which several processes know when to share gradients."""

    def __init__(self, trained: _Trained, of_batch: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.trained, self.of_batch = trained, of_batch

    def forward(self, images: Tensor, ids: Tensor) -> Tensor:
        return self.of_batch(images, ids)


@dataclass(frozen=True)
class Run:
    """One training: from what seed and where, what the vision tower reads, and what is kept of it.

    Attributes:
        seed: of the order of images and the choice of captions.
        device: where to train.
        mean: of the pixels, per channel.
        std: likewise.
        state_path: file for the state of an unfinished training; the caller removes it when done.
        seconds_between_saves: how much work a kill may cost.
        group: of the processes that train it together: each computes the features of its part of a batch.
    """

    seed: int
    device: torch.device
    mean: Sequence[float]
    std: Sequence[float]
    state_path: Path
    seconds_between_saves: float = 60.0
    group: Group = ALONE


def train(
    model: Any, tokenizer: Any, data: Captioned, settings: Settings, run: Run, *, texts_per_image: int
) -> list[float]:
    """Train a CLIP in place, going on from the state if there is one; returns the mean loss of each epoch.

    Args:
        model: open_clip's CLIP, or a model that has `encode_texts`, `logit_scale` and the name of its TOKEN_EMBEDDING.
        tokenizer: Its tokenizer.
        data: Images of the model's own size, with captions.
        settings: See there.
        run: See there.
        texts_per_image: Captions that are drawn of an image for each step; the loss is their mean.

    Raises:
        CirqueError: as of `lower`.
    """
    texts = Texts(data.captions, tokenizer)
    model = model.to(run.device)
    occurring = texts.rows.to(run.device)
    name = getattr(model, "TOKEN_EMBEDDING", "token_embedding.weight")
    rows = nn.Parameter(model.get_parameter(name).detach()[occurring].clone())

    def loss_of(images: Tensor, ids: Tensor) -> Tensor:
        features = run.group.gather(model.encode_image(images))
        said = map(run.group.gather, torch.split(encode_texts(model, rows, ids), len(images)))
        scale = model.logit_scale.exp()
        return torch.stack([contrastive_loss(features, text, scale) for text in said]).mean()

    replaced = {name: rows}
    history = lower(model, replaced, data, texts, loss_of, settings=settings, run=run, texts_per_image=texts_per_image)
    with torch.no_grad():
        model.get_parameter(name)[occurring] = rows
    return history


def lower(
    model: Any,
    replaced: Mapping[str, nn.Parameter],
    data: Captioned,
    texts: Texts,
    loss_of: Callable[[Tensor, Tensor], Tensor],
    *,
    settings: Settings,
    run: Run,
    texts_per_image: int,
) -> list[float]:
    """Lower a loss over images and drawn captions of theirs; returns its mean of each epoch.

    Args:
        model: with CLIP's `logit_scale`; in evaluation mode when done.
        replaced: what is trained in place of the model's weights of these names.
        data: images, with captions.
        texts: the captions.
        loss_of: the loss of normalised images [n, 3, side, side] and of texts of theirs, ids [m·n, length]: the first
            text of each image, then the second of each.
        settings: see there.
        run: see there.
        texts_per_image: captions that are drawn of an image for each step, m.

    Raises:
        CirqueError: there are fewer images than one batch, the warm-up is longer than the training, or a loss is no
            number.
    """
    n_images = len(data.captions)
    per_epoch = n_images // settings.batch
    n_steps = settings.epochs * per_epoch
    _require_sense(n_images, n_steps, settings)
    run.group.require_shares(settings.batch)
    drawn = _Draws(n_images, texts, settings.batch, run.seed, texts_per_image)
    normalise = _normaliser(run.mean, run.std, run.device)
    trained = _Trained(model.to(run.device).requires_grad_(True), replaced)
    groups = trained.groups(settings.weight_decay)
    losses = run.group.wrap(_Loss(trained, loss_of))

    def batch(step: int) -> tuple[Tensor, Tensor]:
        picked, numbers = drawn(step)
        own = torch.cat([run.group.share(of_text) for of_text in numbers])
        pixels = np.ascontiguousarray(data.pixels(run.group.share(picked).numpy()).transpose(0, 3, 1, 2))
        return moved((torch.from_numpy(pixels), texts.batch(own)), run.device)

    def loss(given: tuple[Tensor, Tensor], step: int) -> dict[str, Tensor]:
        pixels, ids = given  # bytes until here: batches that wait take a quarter of the memory
        return {"loss": losses(normalise(pixels), ids)}

    def within_bounds() -> None:
        with torch.no_grad():
            model.logit_scale.clamp_(0, LARGEST_LOG_SCALE)

    def report(epoch: int, means: Mapping[str, float]) -> None:
        scale = model.logit_scale.exp().item()
        say(f"epoch {epoch + 1}/{settings.epochs}: loss {means['loss']:.4f}, scale {scale:.1f}")

    training = Training(
        trained,
        torch.optim.AdamW(
            groups, lr=settings.learning_rate, betas=(0.9, 0.98), eps=1e-6, **optimisers.fused(run.device)
        ),
        LOSSES,
        n_steps=n_steps,
        per_epoch=per_epoch,
        batch=batch,
        loss=loss,
        seed=run.seed,
        rates=lambda step: [learning_rate(step, n_steps, settings)] * len(groups),
        largest_gradient=LARGEST_GRADIENT,
        after_update=within_bounds,
        report=report,
        what=type(model).__name__,
        group=run.group,
    )
    log = fit(training, run.state_path, run.seconds_between_saves)
    return [row["value"] for row in log]


class _Draws:
    """Which images, and which of their texts, make the batch of a step.

    One generator draws the order and the texts of each epoch in turn; for an earlier epoch it starts anew.
    """

    def __init__(self, n_images: int, texts: Texts, batch: int, seed: int, texts_per_image: int) -> None:
        self.n_images, self.texts, self.size, self.seed = n_images, texts, batch, seed
        self.texts_per_image, self.per_epoch = texts_per_image, n_images // batch
        self._next, self._generator = 0, torch.Generator().manual_seed(seed)

    def __call__(self, step: int) -> tuple[Tensor, Tensor]:
        """Numbers of the images [batch], and of their texts [m, batch]: the first of each image, then the second."""
        epoch, place = divmod(step, self.per_epoch)
        if epoch < self._next - 1:
            self._next, self._generator = 0, torch.Generator().manual_seed(self.seed)
        while self._next <= epoch:
            self._order = torch.randperm(self.n_images, generator=self._generator)
            self._drawn = [self.texts.draw(self._generator) for _ in range(self.texts_per_image)]
            self._next += 1
        picked = self._order[place * self.size : (place + 1) * self.size]
        return picked, torch.stack([numbers[picked] for numbers in self._drawn])


def _require_sense(n_images: int, n_steps: int, settings: Settings) -> None:
    """Refuse what cannot be trained.

    Raises:
        CirqueError: it says why.
    """
    if n_images < settings.batch:
        raise CirqueError(f"training: {n_images} images do not fill one batch of {settings.batch}")
    if settings.warmup >= n_steps:
        raise CirqueError(
            f"training: warmup is {settings.warmup:,} steps and the whole training has {n_steps:,}; lower warmup, or"
            " raise epochs"
        )


def _normaliser(mean: Sequence[float], std: Sequence[float], device: torch.device) -> Callable[[Tensor], Tensor]:
    """Function from bytes of pixels to what a vision tower reads, both [n, 3, side, side]."""
    shift, factor = (torch.tensor(list(x), device=device).reshape(1, 3, 1, 1) * 255 for x in (mean, std))
    return lambda pixels: (pixels.float() - shift) / factor
