"""The text tower with pseudo tokens: the one way in which every method turns texts into features.

    ids = tokenize(backbone, ["a photo of $ that has two wheels"])
    features = encode(backbone, ids, tokens=token)  # [1, backbone.dim], un-normalised

CLIP's text tower is causal and reads one position, the end token. What stands after it is dead, so a batch is cut to
its longest text: the same function as the full context, several times faster.
"""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

import torch
from torch import Tensor, nn
from torch.utils.weak import WeakIdKeyDictionary

from cirque.encoders.moving import moved
from cirque.errors import CirqueError

if TYPE_CHECKING:
    from cirque.encoders.backbones import Backbone

#: Stands for a pseudo token in a text. Spaces must surround it: `$,` and `$.` are other tokens.
PLACEHOLDER = "$"

#: Id of `$</w>` in CLIP's vocabulary.
PLACEHOLDER_ID = 259

#: Which placeholders of a text take the token: the first (SEARLE) or all of them (LinCIR).
Replace = Literal["first", "all"]

#: Different words whose ids are kept; texts repeat their words.
WORDS_KEPT = 1 << 17


# ---- tokens --------------------------------------------------------------------------------------------------------


def tokenize(backbone: "Backbone", texts: Sequence[str], truncate: bool = False) -> list[list[int]]:
    """Ids of each text from the start token to the end token, without padding.

    Args:
        backbone: whose tokenizer and context length are used.
        texts: any texts; `PLACEHOLDER` between spaces becomes `PLACEHOLDER_ID`.
        truncate: cut a text over the context, its last id becoming the end token, as open_clip does.

    Raises:
        CirqueError: a text is longer than the context and is not to be truncated.
    """
    tokenizer: Any = backbone.tokenizer
    rows = []
    for text in texts:
        ids = inner_ids(tokenizer, text)
        length = len(ids) + 2
        if length > backbone.context_length and not truncate:
            raise CirqueError(
                f"text over the context: {length} tokens, {backbone.context_length} fit; shorten {text!r}"
            )
        rows.append(framed(backbone, ids))
    return rows


def framed(backbone: "Backbone", ids: Sequence[int]) -> list[int]:
    """Ids between start and end token, cut to the context: the last id that fits is then the end token."""
    tokenizer: Any = backbone.tokenizer
    end = tokenizer.eot_token_id
    row = [tokenizer.sot_token_id, *ids[: backbone.context_length - 2], end]
    # CLIP reads the first end token; a text that spells one ends there.
    return row[: row.index(end) + 1]


def is_plain(text: str) -> bool:
    """Whether no token of a text crosses a space."""
    return text.isascii() and text.isprintable() and "&" not in text


def inner_ids(tokenizer: Any, text: str) -> list[int]:
    """Ids of a text without start and end.

    Nothing that CLIP's tokenizer does to plain ASCII crosses a space, so there each word is looked up on its own;
    anything else (repairs of encoding, HTML entities) goes through the tokenizer as a whole.
    """
    if is_plain(text):
        return [id_ for word in text.split() for id_ in word_ids(tokenizer, word)]
    return list(tokenizer.encode(text))


@functools.lru_cache(maxsize=WORDS_KEPT)
def word_ids(tokenizer: Any, word: str) -> tuple[int, ...]:
    """Ids of a word of plain ASCII, or of a part of a text without a space."""
    return tuple(tokenizer.encode(word))


# ---- the tower -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Tower:
    """The parts of an open_clip text tower, wherever the model keeps them."""

    token_embedding: nn.Embedding
    positions: Tensor  # [context, token_dim]
    transformer: Any  # open_clip's Transformer
    mask: Tensor  # [context, context], −∞ above the diagonal
    ln_final: nn.Module
    projection: Tensor | nn.Module | None  # [token_dim, dim]

    @property
    def device(self) -> torch.device:
        """Where the tower computes."""
        return self.positions.device

    def project(self, x: Tensor) -> Tensor:
        """Features of end positions: final LayerNorm and projection, [n, token_dim] → [n, dim], of the tower's type."""
        x = self.ln_final(x.to(self.positions.dtype))
        if self.projection is None:
            return x
        return cast(Tensor, self.projection(x)) if isinstance(self.projection, nn.Module) else x @ self.projection


#: Masks that were looked at, as a look waits for the device; each is one tensor for as long as its model stays there.
_CAUSAL: WeakIdKeyDictionary = WeakIdKeyDictionary()


def _is_causal(mask: Tensor) -> bool:
    """Whether each position sees itself and those before it."""
    if mask not in _CAUSAL:
        _CAUSAL[mask] = torch.isneginf(mask).equal(torch.ones_like(mask, dtype=torch.bool).triu(1))
    return bool(_CAUSAL[mask])


def tower(backbone: "Backbone") -> Tower:
    """The text tower of a backbone.

    Raises:
        CirqueError: it is not causal, or does not read the end token, so that it cannot be trimmed.
    """
    model = backbone.model
    part = model if hasattr(model, "transformer") else getattr(model, "text", None)
    pool = getattr(part, "text_pool_type", getattr(part, "pool_type", None))
    mask = getattr(part, "attn_mask", None)
    problem = None
    if part is None or not hasattr(part, "token_embedding") or not hasattr(part, "positional_embedding"):
        problem = "is not open_clip's own"
    elif getattr(part, "cls_emb", None) is not None or pool != "argmax":
        problem = "does not read the end token"
    elif mask is None or not _is_causal(mask):
        problem = "is not causal"
    if problem or part is None or mask is None:
        raise CirqueError(f"backbone {backbone.name}: its text tower {problem}; pseudo tokens need a CLIP text tower")
    return Tower(
        part.token_embedding,
        part.positional_embedding,
        part.transformer,
        mask,
        part.ln_final,
        part.text_projection,
    )


# ---- features ------------------------------------------------------------------------------------------------------


def encode(
    backbone: "Backbone",
    texts: Sequence[str] | Sequence[Sequence[int]],
    tokens: Tensor | None = None,
    replace: Replace = "first",
    batch: int = 256,
) -> Tensor:
    """Text features, un-normalised, differentiable in the tokens.

    Args:
        backbone: whose text tower reads them.
        texts: texts, or their ids as of `tokenize`.
        tokens: pseudo tokens [n, token_dim], one a text, or [1, token_dim] for all; None: the placeholder, if any,
            stays a literal `$`.
        replace: which placeholders of a text take its token; further ones stay a literal `$`.
        batch: texts that are computed together.

    Returns:
        [n, dim] in fp32, whatever the tower computes in, in the order of the texts.

    Raises:
        CirqueError: tokens are given and a text has no placeholder, or they are neither one nor as many as the texts.
    """
    ids = [tokenize(backbone, [text])[0] if isinstance(text, str) else text for text in texts]
    if hasattr(backbone.model, "encode_texts"):
        return _encode_whole(backbone, ids, tokens, batch)
    parts = tower(backbone)
    if tokens is not None:
        tokens = _one_a_text(backbone, ids, tokens).to(parts.device)
    if not ids:
        return parts.positions.new_zeros(0, backbone.dim, dtype=torch.float32)

    def of_rows(rows: list[int]) -> Tensor:
        injected = None if tokens is None else tokens[moved(torch.tensor(rows), parts.device)]
        return _encode_batch(parts, [ids[row] for row in rows], injected, replace)

    return _in_batches(ids, batch, of_rows)


def _in_batches(ids: Sequence[Sequence[int]], batch: int, encode_rows: Callable[[list[int]], Tensor]) -> Tensor:
    """Features [n, dim] in the order of the texts, of which those of like length are encoded together."""
    order = sorted(range(len(ids)), key=lambda row: len(ids[row]))  # little padding
    features = torch.cat([encode_rows(order[first : first + batch]) for first in range(0, len(order), batch)])
    places = torch.empty(len(order), dtype=torch.long)
    places[torch.tensor(order)] = torch.arange(len(order))
    return features[moved(places, features.device)].float()


def _encode_whole(backbone: "Backbone", ids: Sequence[Sequence[int]], tokens: Tensor | None, batch: int) -> Tensor:
    """Features of a text tower that is not CLIP's and reads whole texts, [n, dim]."""
    if tokens is not None:
        raise CirqueError(f"backbone {backbone.name}: its text tower takes no pseudo token; take a CLIP")
    device = next(backbone.model.parameters()).device
    if not ids:
        return torch.zeros(0, backbone.dim, device=device)

    def of_rows(rows: list[int]) -> Tensor:
        return cast(Tensor, backbone.model.encode_texts(_padded([ids[row] for row in rows], device)))

    return _in_batches(ids, batch, of_rows)


def _padded(ids: Sequence[Sequence[int]], device: torch.device) -> Tensor:
    """Ids of texts as one array, 0 behind the last of each, [n, longest]."""
    longest = max(map(len, ids))
    return moved(torch.tensor([[*row, *[0] * (longest - len(row))] for row in ids]), device)


def _one_a_text(backbone: "Backbone", ids: Sequence[Sequence[int]], tokens: Tensor) -> Tensor:
    """Pseudo tokens repeated for all texts where there is but one."""
    if len(tokens) not in {1, len(ids)} or tokens.shape[1:] != (backbone.token_dim,):
        raise CirqueError(
            f"pseudo tokens of shape {list(tokens.shape)} for {len(ids)} texts; give one, or one a text, of"
            f" {backbone.token_dim} values"
        )
    require_placeholders(backbone, ids)
    return tokens.expand(len(ids), -1)


def require_placeholders(backbone: "Backbone", ids: Sequence[Sequence[int]]) -> None:
    """Refuse a text that has no place for a pseudo token.

    Raises:
        CirqueError: it names the first such text.
    """
    for row in ids:
        if PLACEHOLDER_ID not in row:
            tokenizer: Any = backbone.tokenizer
            text = tokenizer.decode(list(row)[1:-1]).strip()
            raise CirqueError(
                f"no placeholder for the pseudo token in the text {text!r}; write {PLACEHOLDER} between spaces"
            )


def _encode_batch(parts: Tower, ids: Sequence[Sequence[int]], tokens: Tensor | None, replace: Replace) -> Tensor:
    """Features of texts that are padded to the longest of them, [n, dim]."""
    padded = _padded(ids, parts.device)
    longest = padded.shape[1]
    x = parts.token_embedding(padded)
    if tokens is not None:
        slots = padded == PLACEHOLDER_ID
        if replace == "first":
            slots &= slots.cumsum(1) == 1
        x = torch.where(slots[..., None], tokens[:, None].to(x.dtype), x)
    x = x.to(parts.transformer.get_cast_dtype())
    x = x + parts.positions[:longest].to(x.dtype)
    x = parts.transformer(x, attn_mask=parts.mask[:longest, :longest])
    ends = padded.argmax(1)  # the end token has the largest id
    return parts.project(x[torch.arange(len(ids), device=parts.device), ends])
