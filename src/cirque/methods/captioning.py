"""Captioning: a generated caption of the reference takes the place of SEARLE's pseudo word (SEARLE §5, baselines)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from cirque.encoders import text, text_queries
from cirque.encoders.text_queries import Queries
from cirque.progress import say
from cirque.texts.templates import PROMPT

if TYPE_CHECKING:
    from cirque.encoders.backbones import Backbone


def compose(queries: Queries, backbone: "Backbone", reference_captions: Sequence[str]) -> np.ndarray:
    """Normalised text features of `a photo of {generated caption} that {relative caption}` [n_queries, dim].

    A query whose reference has an empty caption is its relative caption alone, as of Text-only.

    Raises:
        CirqueError: a relative caption is longer than the text tower reads.
    """
    orders = text_queries.ORDERS[queries.caption_order or "both"]
    prompt = (queries.prompt or PROMPT).replace(text.PLACEHOLDER, "{reference}")
    texts, n_empty, n_cut = [], 0, 0
    for captions, reference in zip(queries.captions, reference_captions, strict=True):
        template = prompt if reference else queries.text_prompt
        filled = [fitting(backbone, template, reference, caption) for caption in orders(captions)]
        texts.append([words for words, _ in filled])
        n_empty += not reference
        n_cut += any(was_cut for _, was_cut in filled)
    say(
        f"captioning: {n_empty} queries whose reference has an empty caption, {n_cut} whose reference's caption was cut"
    )
    return text_queries.encode_texts(queries, backbone, texts)


def fitting(backbone: "Backbone", template: str, reference: str, caption: str) -> tuple[str, bool]:
    """The template filled in; of a text over the context the generated caption loses its last words, not the query its.

    Args:
        backbone: whose tokenizer and context length are used.
        template: holds `{reference}` and `{caption}`.
        reference: the generated caption.
        caption: the relative caption.

    Returns:
        The text, and whether words were left out.
    """
    words = reference.split()
    for kept in range(len(words), 1, -1):
        filled = template.format(reference=" ".join(words[:kept]), caption=caption)
        if len(text.inner_ids(backbone.tokenizer, filled)) + 2 <= backbone.context_length:
            return filled, kept < len(words)
    return template.format(reference=" ".join(words[:1]), caption=caption), len(words) > 1
