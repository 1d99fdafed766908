"""Captioners: open_clip's CoCa (Yu et al., 2022) and what it says of an image, a mini model or the real one alike.

    captioner = load(Path("weights.safetensors"), torch.device("cpu"))
    generate(captioner, pixels, Generation(beams=2, min_length=5, max_length=30))  # ["two red stars"]

Weights and side-car are those of `cirque.encoders.backbones`. The search is open_clip's `generate`, which no longer
runs beside a current `transformers`; tests/encoders/test_captioners.py compares the two.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cirque.encoders import backbones, coca
from cirque.encoders.imported import open_clip
from cirque.errors import CirqueError


@dataclass(frozen=True)
class Captioner:
    """A frozen CoCa and what a stage must know of it."""

    model: Any  # open_clip's CoCa, in eval mode, without gradients
    tokenizer: Callable[[str | list[str]], Tensor]  # texts → ids [n, context_length]
    name: str  # open_clip's name of the model
    image_size: int  # pixels
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    context_length: int  # tokens


@dataclass(frozen=True)
class Generation:
    """How a caption is searched for; lengths count the start and the end token."""

    beams: int  # beginnings that are kept at each length
    min_length: int  # tokens before the end may come
    max_length: int  # tokens


# ---- the model -----------------------------------------------------------------------------------------------------


def load(weights: Path, device: torch.device) -> Captioner:
    """Load weights and build the CoCa that their side-car describes, frozen, in fp32.

    Raises:
        CirqueError: the file is missing, cut short or altered, does not fit the model, or is no CoCa's.
    """
    record = backbones.read_side_car(weights, "coca")
    model = backbones.restore(weights, device, record)
    return Captioner(
        model=model,
        tokenizer=open_clip.SimpleTokenizer(context_length=model.context_length),
        name=record["model"],
        image_size=coca.sizes(record["config"]).image_size,
        mean=tuple(record["image_mean"]),
        std=tuple(record["image_std"]),
        context_length=int(model.context_length),
    )


def encode_prefix(text: Any, embedded: Tensor) -> Tensor:
    """What the text tower makes of the beginnings of captions, without the class token that it appends for contrast.

    The tower is causal and the class token comes last, so that no word sees it.

    Args:
        text: the text tower.
        embedded: token embeddings [n, length, width].

    Returns:
        [n, length, width].
    """
    length = embedded.shape[1]
    mask = text.attn_mask[:length, :length]
    hidden: Tensor = text.transformer(embedded + text.positional_embedding[:length], attn_mask=mask)
    return hidden


def attend(decoder: Any, image_tokens: Tensor, text_tokens: Tensor) -> Tensor:
    """What the multimodal decoder's last layer says at each position, before it is multiplied with the vocabulary.

    Args:
        decoder: the multimodal decoder.
        image_tokens: of the vision tower [n, n_image_tokens, width].
        text_tokens: of the text tower [n, length, width].

    Returns:
        [n, length, width].
    """
    length = text_tokens.shape[1]
    for block, cross in zip(decoder.resblocks, decoder.cross_attn, strict=True):
        text_tokens = block(text_tokens, attn_mask=decoder.attn_mask[:length, :length])
        text_tokens = cross(text_tokens, k_x=image_tokens, v_x=image_tokens)
    hidden: Tensor = decoder.ln_final(text_tokens)
    return hidden


# ---- the search ----------------------------------------------------------------------------------------------------


class Found:
    """The best whole captions of one image so far, at most as many as there are beams."""

    def __init__(self, beams: int) -> None:
        self.beams = beams
        self.captions: list[tuple[float, list[int]]] = []  # score and ids, best first
        self.done = False

    def add(self, ids: list[int], total: float, length: int) -> None:
        """Count a caption; its score is the mean of its logits over `length` tokens."""
        self.captions = sorted([*self.captions, (total / length, ids)], key=lambda found: -found[0])[: self.beams]

    def close(self, best_total: float, length: int) -> None:
        """Be done once no beginning of `length` tokens and `best_total` can become better than what is there."""
        full = len(self.captions) == self.beams
        self.done = self.done or (full and self.captions[-1][0] >= best_total / length)


@torch.inference_mode()
def search(captioner: Captioner, images: Tensor, settings: Generation) -> list[list[int]]:
    """Beam search for the caption of each image.

    open_clip's default of 6 beams in 3 groups has no penalty between the groups, so that it is three times this search
    with 2 beams. Like open_clip's it adds up logits as the decoder gives them, not log-probabilities.

    Args:
        captioner: a CoCa.
        images: normalised pixels [n, 3, size, size].
        settings: beams and lengths.

    Returns:
        The ids of each caption, without start and end.
    """
    model, beams, n = captioner.model, settings.beams, len(images)
    start, end = _ends(captioner)
    device = images.device
    image_tokens = model.visual(images)[1].repeat_interleave(beams, 0)
    ids = torch.full((n, beams, 1), start, device=device)
    totals = torch.full((n, beams), -1e9, device=device)
    totals[:, 0] = 0.0  # else all beams would begin alike
    found = [Found(beams) for _ in range(n)]
    for length in range(1, settings.max_length):
        logits = _next_logits(model, image_tokens, ids.flatten(0, 1)).view(n, beams, -1)
        if length < settings.min_length:
            logits[..., end] = -torch.inf
        best, places = (totals[..., None] + logits).flatten(1).topk(2 * beams)  # the end can take only half of them
        came_from, words = places // logits.shape[-1], places % logits.shape[-1]
        _collect(found, ids, best, came_from, words == end, length=length + 1)
        if all(one.done for one in found):
            break
        kept = _first_that_go_on(words != end, beams)
        totals, words, came_from = (values.gather(1, kept) for values in (best, words, came_from))
        ids = torch.cat([ids.gather(1, came_from[..., None].expand(-1, -1, length)), words[..., None]], dim=2)
    for one, rows, scores in zip(found, ids.tolist(), totals.tolist(), strict=True):
        for row, total in zip(rows, scores, strict=True):
            if not one.done:
                one.add(row, total, len(row))
    return [one.captions[0][1][1:] for one in found]


def _ends(captioner: Captioner) -> tuple[int, int]:
    """Ids of the start and the end token."""
    tokenizer: Any = captioner.tokenizer
    return tokenizer.sot_token_id, tokenizer.eot_token_id


def _next_logits(model: Any, image_tokens: Tensor, ids: Tensor) -> Tensor:
    """Logits of the word after each beginning, [n, vocabulary]; only the last position meets the vocabulary."""
    text_tokens = encode_prefix(model.text, model.text.token_embedding(ids))
    hidden = attend(model.text_decoder, image_tokens, text_tokens)[:, -1]
    logits: Tensor = (hidden @ model.text_decoder.text_projection).float()
    return logits


def _collect(found: list[Found], ids: Tensor, best: Tensor, came_from: Tensor, ended: Tensor, *, length: int) -> None:
    """Take over the captions that end here, `length` tokens with start and end, and close the searches that are done.

    Args:
        found: the searches, one an image.
        ids: beginnings [n, beams, length − 1].
        best: totals of the candidates [n, 2·beams], best first.
        came_from: the beginning that each continues.
        ended: whether it does so with the end token.
        length: tokens of a candidate.
    """
    rows = zip(found, ids.tolist(), best.tolist(), came_from.tolist(), ended.tolist(), strict=True)
    for one, beginnings, totals, origins, ends in rows:
        if one.done:
            continue
        going_on = 0
        for rank, (total, origin, ends_here) in enumerate(zip(totals, origins, ends, strict=True)):
            if going_on == one.beams:
                break
            if not ends_here:
                going_on += 1
            elif rank < one.beams:  # an end below the best beginnings does not count
                one.add(beginnings[origin], total, length)
        one.close(totals[0], length)


def _first_that_go_on(going_on: Tensor, beams: int) -> Tensor:
    """Places of the first `beams` candidates that do not end, [n, beams]; there are always as many."""
    return torch.argsort((~going_on).int(), dim=1, stable=True)[:, :beams]


# ---- captions ------------------------------------------------------------------------------------------------------


def generate(captioner: Captioner, pixels: NDArray[np.uint8], settings: Generation) -> list[str]:
    """The caption of each image [n, size, size, 3], as it stands in a sentence: without a final dot; it may be empty.

    Raises:
        CirqueError: the lengths cannot be met by this model.
    """
    if not 1 <= settings.min_length <= settings.max_length <= captioner.context_length or settings.max_length < 2:
        raise CirqueError(
            f"captioner {captioner.name}: captions of {settings.min_length} to {settings.max_length} tokens cannot be"
            f" written; min_length is at least 1, max_length at most {captioner.context_length}"
        )
    device = next(captioner.model.parameters()).device
    means, stds = (
        torch.tensor(list(x), dtype=torch.float32, device=device).view(1, 3, 1, 1)
        for x in (captioner.mean, captioner.std)
    )
    images = torch.from_numpy(pixels).to(device).permute(0, 3, 1, 2).contiguous()
    found = search(captioner, (images.float() / 255 - means) / stds, settings)
    return [_as_text(captioner, ids) for ids in found]


def _as_text(captioner: Captioner, ids: list[int]) -> str:
    tokenizer: Any = captioner.tokenizer
    start, end = _ends(captioner)
    ids = ids[: ids.index(end)] if end in ids else ids
    words: str = tokenizer.decode([id_ for id_ in ids if id_ != start])
    return " ".join(words.split()).removesuffix(".").rstrip()
