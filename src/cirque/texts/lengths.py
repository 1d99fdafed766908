"""Whether a text fits CLIP's context, without loading a model: known for nearly every text from the vocabulary alone.

lengths.refuse_long({"query 7": "has a red collar"}, "a photo of $ that {caption}")
"""

import functools
import gzip
import importlib.util
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cirque.errors import CirqueError

#: Tokens that CLIP's text tower reads, start and end among them.
CONTEXT = 77

#: What CLIP's tokenizer splits a text into before it looks for tokens, for lower-case ASCII.
_PIECES = re.compile(r"'(?:s|t|re|ve|m|ll|d)|[a-z]+|[0-9]|[^\sa-z0-9]+")

_END = "</w>"


def refuse_long(texts: Mapping[str, str], prompt: str) -> None:
    """Refuse a text that, put into a prompt, is longer than CLIP's text tower reads.

    Args:
        texts: by what has them, for the message.
        prompt: with the field `caption`.

    Raises:
        CirqueError: the first that is too long, with its number of tokens.
    """
    for owner, words in texts.items():
        whole = prompt.format(caption=words)
        if _at_most(whole) > CONTEXT and (length := _exactly(whole)) > CONTEXT:
            raise CirqueError(
                f"{owner}: is {length} tokens long in {prompt!r}, and CLIP's text tower reads {CONTEXT};"
                f" shorten {words!r}"
            )


def _at_most(text: str) -> float:
    """Number of tokens, or more: a piece that is no entry of the vocabulary has one for each byte.

    Unbounded where the tokenizer rewrites a text before it splits it: other letters than ASCII's, control characters,
    entities of HTML.
    """
    if not (text.isascii() and text.isprintable()) or "&" in text:
        return math.inf
    words = _vocabulary()
    return 2 + sum(1 if piece in words else len(piece.encode()) for piece in _PIECES.findall(text.lower()))


def _exactly(text: str) -> int:
    """Number of tokens by CLIP's own tokenizer, whose import takes seconds."""
    return 2 + len(_tokenizer().encode(text))


@functools.cache
def _tokenizer() -> Any:
    from cirque.encoders.imported import open_clip  # noqa: PLC0415

    return open_clip.SimpleTokenizer()


@functools.cache
def _vocabulary() -> frozenset[str]:
    """Whole words that are one token each, of the merges that open_clip is shipped with."""
    found = importlib.util.find_spec("open_clip")
    assert found is not None
    assert found.origin is not None
    merges = gzip.decompress((Path(found.origin).parent / "bpe_simple_vocab_16e6.txt.gz").read_bytes()).decode()
    # The tokenizer itself takes this many lines, after the first.
    pairs = (line.split() for line in merges.split("\n")[1 : 49152 - 256 - 2 + 1])
    whole = {"".join(pair).removesuffix(_END) for pair in pairs if pair[-1].endswith(_END)}
    return frozenset(whole | set("abcdefghijklmnopqrstuvwxyz0123456789"))
