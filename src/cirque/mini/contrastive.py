"""Train a small CLIP from scratch: images and captions of one scene shall have like features (Radford et al., 2021).

A step costs little because a batch of texts is cut to its longest, and because the token embedding is trained only in
the rows that occur: the other 49,000 would cost more than both towers.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.functional import embedding
from tqdm import tqdm

from cirque.contrastive import contrastive_loss, learning_rate
from cirque.errors import CirqueError
from cirque.progress import progress, say

#: CLIP's own bound: logits are scaled by at most 100.
LARGEST_LOG_SCALE = math.log(100.0)

#: Gradients longer than this are cut, without which a patch of 8 is not learned at this rate.
LARGEST_GRADIENT = 1.0

#: Captions of an image in one step. A text costs a fifth of an image, and each tells something else of it.
TEXTS_PER_IMAGE = 2


@dataclass(frozen=True)
class Settings:
    """How a mini backbone is trained."""

    epochs: int
    batch: int
    learning_rate: float
    weight_decay: float
    warmup: int  # steps of linear warm-up before the cosine


@dataclass(frozen=True)
class Captioned:
    """Images and their captions, in memory."""

    images: npt.NDArray[np.uint8]  # [n, side, side, 3]
    captions: list[list[str]]  # several of each image


class Texts:
    """Captions as token ids, numbered anew so that only the rows of the embedding that occur are counted.

    The order of ids is kept, and with it the end token's place as the largest.
    """

    def __init__(self, captions: Sequence[Sequence[str]], tokenizer: Any) -> None:
        flat = [text for texts in captions for text in texts]
        ids = tokenizer(flat)  # [n_texts, context_length], zero after the end token
        self.lengths = (ids != 0).sum(1)  # the first id, the start token, is not zero
        self.rows, numbered = torch.unique(ids, return_inverse=True)
        self.ids = numbered.reshape(ids.shape)
        self.counts = torch.tensor([len(texts) for texts in captions])
        self.first = torch.cumsum(self.counts, 0) - self.counts

    def draw(self, generator: torch.Generator) -> torch.Tensor:
        """One text for each image: its number, [n_images]."""
        chosen = torch.rand(len(self.counts), generator=generator)
        return self.first + (chosen * self.counts).long()

    def batch(self, numbers: torch.Tensor) -> torch.Tensor:
        """Ids of some texts, cut to the longest: [n, longest]."""
        longest = int(self.lengths[numbers].max())
        ids: torch.Tensor = self.ids[numbers, :longest]
        return ids


def encode_texts(model: Any, rows: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    """CLIP's text features [n, d] of ids [n, length], which number the rows of the embedding.

    The end token has the largest id. Positions after it are dead, since each sees only what lies before it.
    """
    length = ids.shape[1]
    x = embedding(ids, rows) + model.positional_embedding[:length]
    x = model.transformer(x, attn_mask=model.attn_mask[:length, :length])
    features: torch.Tensor = model.ln_final(x)[torch.arange(len(ids)), ids.argmax(1)] @ model.text_projection
    return features


def _optimizer(model: Any, replaced: Mapping[str, torch.Tensor], settings: Settings) -> torch.optim.AdamW:
    """AdamW; only matrices decay, and no embedding does, nor what is trained in place of a weight."""
    named = [(name, weight) for name, weight in model.named_parameters() if name not in replaced]
    decaying = [w for name, w in named if w.ndim >= 2 and "embedding" not in name]
    chosen = {id(w) for w in decaying}
    steady = [*replaced.values(), *(w for _, w in named if id(w) not in chosen)]
    groups = [
        {"params": decaying, "weight_decay": settings.weight_decay},
        {"params": steady, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=settings.learning_rate, betas=(0.9, 0.98), eps=1e-6)


def train(
    model: Any,
    tokenizer: Any,
    data: Captioned,
    settings: Settings,
    *,
    seed: int,
    device: torch.device,
    mean: Sequence[float],
    std: Sequence[float],
) -> list[float]:
    """Train `model` in place; returns the mean loss of each epoch.

    Args:
        model: open_clip's CLIP, random.
        tokenizer: Its tokenizer.
        data: Images of the model's own size, with captions.
        settings: See there.
        seed: Of the order of images and the choice of captions.
        device: Where to train.
        mean: Of the pixels, per channel.
        std: Likewise.

    Raises:
        CirqueError: there are fewer images than one batch, or a loss is no number.
    """
    texts = Texts(data.captions, tokenizer)
    model = model.to(device).train()
    rows = model.token_embedding.weight.detach()[texts.rows.to(device)].clone().requires_grad_()

    def loss_of(images: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
        features = model.encode_image(images)
        said = encode_texts(model, rows, ids).chunk(TEXTS_PER_IMAGE)
        return torch.stack([contrastive_loss(features, text, model.logit_scale.exp()) for text in said]).mean()

    replaced = {"token_embedding.weight": rows}
    history = fit(
        model,
        replaced,
        data,
        texts,
        loss_of,
        settings=settings,
        texts_per_image=TEXTS_PER_IMAGE,
        seed=seed,
        device=device,
        mean=mean,
        std=std,
    )
    with torch.no_grad():
        model.token_embedding.weight[texts.rows.to(device)] = rows
    model.eval()
    return history


def fit(
    model: Any,
    replaced: Mapping[str, torch.Tensor],
    data: Captioned,
    texts: Texts,
    loss_of: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    *,
    settings: Settings,
    texts_per_image: int,
    seed: int,
    device: torch.device,
    mean: Sequence[float],
    std: Sequence[float],
) -> list[float]:
    """Lower a loss over images and drawn captions of theirs; returns its mean of each epoch.

    Args:
        model: In training mode, with CLIP's `logit_scale`.
        replaced: What is trained in place of the model's weights of these names.
        data: Images, with captions.
        texts: The captions.
        loss_of: The loss of normalised images [batch, 3, side, side] and of captions of theirs, ids
            [texts_per_image · batch, length] in that many blocks.
        settings: See there.
        texts_per_image: Captions of an image in one step.
        seed: Of the order of images and the choice of captions.
        device: Where to train.
        mean: Of the pixels, per channel.
        std: Likewise.

    Raises:
        CirqueError: there are fewer images than one batch, or a loss is no number.
    """
    if len(data.images) < settings.batch:
        raise CirqueError(f"training: {len(data.images)} images do not fill one batch of {settings.batch}")
    generator = torch.Generator().manual_seed(seed)
    pixels = torch.from_numpy(np.ascontiguousarray(data.images.transpose(0, 3, 1, 2)))
    shift = torch.tensor(mean, device=device).reshape(1, 3, 1, 1) * 255
    factor = torch.tensor(std, device=device).reshape(1, 3, 1, 1) * 255
    optimizer = _optimizer(model, replaced, settings)
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    per_epoch = len(pixels) // settings.batch
    n_steps = settings.epochs * per_epoch
    history: list[float] = []
    bar: tqdm[Any] = progress(total=n_steps, what="training", unit="step")
    for epoch in range(settings.epochs):
        order = torch.randperm(len(pixels), generator=generator)
        drawn = [texts.draw(generator) for _ in range(texts_per_image)]
        losses = []
        for i in range(per_epoch):
            picked = order[i * settings.batch : (i + 1) * settings.batch]
            images = (pixels[picked].to(device).float() - shift) / factor
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(epoch * per_epoch + i, n_steps, settings)
            chosen = torch.cat([numbers[picked] for numbers in drawn])
            loss = loss_of(images, texts.batch(chosen).to(device))
            if not torch.isfinite(loss):
                raise CirqueError(
                    f"training: the loss is {loss.item()} at step {epoch * per_epoch + i + 1}; lower learning_rate"
                )
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(weights, LARGEST_GRADIENT)
            optimizer.step()
            with torch.no_grad():
                model.logit_scale.clamp_(0, LARGEST_LOG_SCALE)
            losses.append(loss.item())
            bar.update()
        history.append(sum(losses) / len(losses))
        say(f"epoch {epoch + 1}/{settings.epochs}: loss {history[-1]:.4f}, scale {model.logit_scale.exp().item():.1f}")
    bar.close()
    return history
