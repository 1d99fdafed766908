"""Text features of queries: relative captions in a prompt, with or without a pseudo token.

encode(queries, backbone, "a photo of $ that {caption}", tokens)  # [n_queries, dim], L2-normalised
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from cirque.encoders import text
from cirque.encoders.packed import PackedEncoder
from cirque.errors import CirqueError
from cirque.progress import progress

if TYPE_CHECKING:
    from cirque.encoders.backbones import Backbone
    from cirque.networks.phi import Phi

#: Prompts that go through the text tower together.
TEXTS_AT_ONCE = 512

#: What SEARLE and LinCIR strip from both ends of FashionIQ's captions (searle.md §5).
SIGNS_AT_ENDS = ".?, "

#: Turns a query's captions into the texts to encode.
Orders = Callable[[Sequence[str]], list[str]]


@dataclass(frozen=True)
class Queries:
    """Composed queries as methods read them, one a row of every array, in the order of the benchmark.

    Attributes:
        query_ids: names.
        captions: relative captions of each query, verbatim.
        full_captions: the target's own caption, where the data are generated.
        prompt: the benchmark's own, in place of the method's.
        text_prompt: the benchmark's, for the words alone.
        caption_order: name of ORDERS, in place of the method's own order.
    """

    query_ids: Sequence[str]
    captions: Sequence[Sequence[str]]
    full_captions: Sequence[str | None]
    prompt: str | None = None
    text_prompt: str = "{caption}"
    caption_order: str | None = None


def caption_orders(captions: Sequence[str]) -> list[str]:
    """A query's captions as the texts to encode: one as it stands; of several, the order given and its reverse.

    SEARLE and LinCIR strip FashionIQ's two captions, join them by "and" in both orders and average the features. A few
    captions are then empty and stay.
    """
    if len(captions) == 1:
        return [captions[0]]
    stripped = [caption.strip(SIGNS_AT_ENDS) for caption in captions]
    return [" and ".join(stripped), " and ".join(reversed(stripped))]


def as_given(captions: Sequence[str]) -> list[str]:
    """A query's captions as one text, in the order given."""
    return [" and ".join(captions)]


def last_first(captions: Sequence[str]) -> list[str]:
    """A query's captions as one text, the last first and verbatim, as Pic2Word does with FashionIQ's."""
    return [" and ".join(reversed(captions))]


def first_first(captions: Sequence[str]) -> list[str]:
    """A query's captions as one text, in the order given and stripped, as CLIP4Cir does with FashionIQ's."""
    return caption_orders(captions)[:1]


#: Orders by the name that a benchmark may ask for, in place of the method's own.
ORDERS: dict[str, Orders] = {"both": caption_orders, "given": as_given, "reversed": last_first}


def encode(
    queries: Queries,
    backbone: "Backbone",
    prompt: str,
    tokens: np.ndarray | None = None,
    *,
    orders: Orders = caption_orders,
    concepts: Sequence[str] | None = None,
) -> np.ndarray:
    """Features of the prompt filled with each query's relative captions.

    Args:
        queries: what is asked.
        backbone: whose text tower reads the texts.
        prompt: holds `{caption}`, and the placeholder where tokens are given. With tokens, a benchmark's own prompt
            takes its place.
        tokens: pseudo token of each query [n_queries, token_dim].
        orders: how a query's captions become texts, whose features are averaged; a benchmark's own takes its place.
        concepts: a word of each query that stands before its token.

    Returns:
        [n_queries, dim], L2-normalised.
    """
    prompt = queries.prompt or prompt if tokens is not None else prompt
    orders = ORDERS[queries.caption_order] if queries.caption_order else orders
    prefix = prompt.partition(text.PLACEHOLDER)[0].strip()
    if concepts is not None:
        prompt = prompt.replace(text.PLACEHOLDER, f"{{concept}} {text.PLACEHOLDER}")
    named = concepts if concepts is not None else [""] * len(queries.captions)
    texts = [
        [prompt.format(caption=order, concept=concept) for order in orders(captions)]
        for captions, concept in zip(queries.captions, named, strict=True)
    ]
    return encode_texts(queries, backbone, texts, tokens, prefix)


def compose_with_phi(
    queries: Queries,
    backbone: "Backbone",
    reference_features: np.ndarray,
    phi: "Phi",
    prompt: str,
    *,
    orders: Orders = caption_orders,
) -> np.ndarray:
    """Features of the prompt in which each query's pseudo token is φ of its reference's image feature.

    φ reads the features as the tower gives them, un-normalised.

    Args:
        queries: what is asked.
        backbone: whose text tower reads the texts.
        reference_features: of each query's reference [n_queries, dim], un-normalised.
        phi: the mapping network, in evaluation mode.
        prompt: as of `encode`.
        orders: likewise.

    Returns:
        [n_queries, dim], L2-normalised.

    Raises:
        CirqueError: φ is for features of another dimension, or its tokens are for another backbone.
    """
    features = torch.from_numpy(reference_features)
    if features.shape[1] != phi.dim:
        raise CirqueError(
            f"image features have {features.shape[1]} dimensions and φ reads {phi.dim}: they are of different backbones"
        )
    device = next(phi.parameters()).device
    with torch.no_grad():
        tokens = phi(features.to(device)).cpu().numpy()
    return encode(queries, backbone, prompt, tokens, orders=orders)


def encode_words(queries: Queries, backbone: "Backbone", orders: Orders = caption_orders) -> Tensor:
    """Features of the words alone as the tower gives them; of several orders of a query's captions their mean.

    Args:
        queries: what is asked, with the benchmark's prompt of the words alone.
        backbone: whose text tower reads the texts.
        orders: how a query's captions become texts; a benchmark's own takes its place.

    Returns:
        [n_queries, dim], un-normalised, on the backbone's device.

    Raises:
        CirqueError: a text is longer than the text tower reads.
    """
    orders = ORDERS[queries.caption_order] if queries.caption_order else orders
    texts = [[queries.text_prompt.format(caption=order) for order in orders(one)] for one in queries.captions]
    with torch.no_grad():
        features = text.encode(backbone, _ids(queries, backbone, texts)).float()
    parts = torch.split(features, [len(own) for own in texts])
    return torch.stack([part.mean(dim=0) for part in parts])


def _ids(queries: Queries, backbone: "Backbone", texts: Sequence[Sequence[str]]) -> list[list[int]]:
    """Ids of all texts, query after query.

    Raises:
        CirqueError: a text is longer than the text tower reads, which the message names by its query.
    """
    ids = []
    for query, own in zip(queries.query_ids, texts, strict=True):
        try:
            ids += text.tokenize(backbone, own)
        except CirqueError as error:
            raise CirqueError(f"query {query}: {error}") from error
    return ids


def encode_texts(
    queries: Queries,
    backbone: "Backbone",
    texts: Sequence[Sequence[str]],
    tokens: np.ndarray | None = None,
    prefix: str = "",
) -> np.ndarray:
    """Mean of the normalised features of each query's texts, normalised again.

    Args:
        queries: what is asked; their names stand in messages.
        backbone: whose text tower reads the texts.
        texts: each query's texts, one or several.
        tokens: pseudo token of each query [n_queries, token_dim].
        prefix: words before the token that all texts share; computed once.

    Returns:
        [n_queries, dim], L2-normalised.

    Raises:
        CirqueError: a text is longer than the text tower reads, which the message names by its query; or the
            tokens are of another backbone.
    """
    if tokens is not None and tokens.shape[1] != backbone.token_dim:
        raise CirqueError(
            f"pseudo tokens have {tokens.shape[1]} dimensions and the backbone {backbone.name} needs"
            f" {backbone.token_dim}: they are of different backbones"
        )
    owners = np.repeat(np.arange(len(texts)), [len(own) for own in texts])
    ids = _ids(queries, backbone, texts)
    with torch.no_grad():
        if tokens is None:
            features = text.encode(backbone, ids)
        else:
            features = _encode_with_tokens(backbone, ids, torch.from_numpy(tokens[owners]), prefix)
        features = functional.normalize(features.float(), dim=-1).cpu()
    sums = torch.zeros(len(texts), features.shape[1]).index_add_(0, torch.from_numpy(owners), features)
    return functional.normalize(sums, dim=-1).numpy()


def _encode_with_tokens(backbone: "Backbone", ids: list[list[int]], tokens: Tensor, prefix: str) -> Tensor:
    """Features of texts whose first placeholder takes a token, one a text, [n, dim] un-normalised."""
    encoder = PackedEncoder(backbone, [prefix] if prefix else [])
    features = []
    for start in progress(range(0, len(ids), TEXTS_AT_ONCE), what="queries", unit="batch"):
        part = slice(start, start + TEXTS_AT_ONCE)
        layout = encoder.prepare(ids[part]).pack(replace="first")
        features.append(encoder(layout, tokens[part].to(encoder.device)))
    return torch.cat(features)
