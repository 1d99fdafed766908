"""Token ids of masked captions, made once for all passes but where a pass draws what makes room (LinCIR §3.2).

    texts = MaskedTexts(backbone, captions, "substring", seed=0)
    ids = texts.ids(np.array([5, 0]), epoch=2)

Most maskings draw nothing of most captions: `substring` only of those without a keyword. A step then copies ids.
"""

import functools
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cirque import draws
from cirque.encoders.backbones import Backbone
from cirque.encoders.token_ids import TokenIds
from cirque.errors import CirqueError
from cirque.progress import progress
from cirque.texts import keywords

#: Captions that are masked together: enough for their words to repeat.
AT_ONCE = 10_000


class _DrawsError(Exception):
    """A masking asked for its draws."""


def _given(stream: np.random.Generator) -> np.random.Generator:
    return stream


def _refuse() -> np.random.Generator:
    raise _DrawsError


class MaskedTexts:
    """Masks captions, in each pass those alone of which something is drawn."""

    def __init__(self, backbone: Backbone, captions: pa.Table, masking: str, seed: int) -> None:
        """Mask and tokenise all captions of which nothing is drawn.

        Args:
            backbone: whose tokenizer and context length are used.
            captions: caption_id, caption, words and pos as in schemas.CAPTIONS.
            masking: a name of `keywords.MASKINGS`.
            seed: of the draws.

        Raises:
            CirqueError: a caption's words are not its own; with its caption_id.
        """
        self.backbone, self.captions, self.masking, self.seed = backbone, captions, keywords.MASKINGS[masking], seed
        parts, drawn = [TokenIds.of([])], []
        bar: Any = progress(total=captions.num_rows, what="masked captions", unit="caption")
        with bar:
            for first in range(0, captions.num_rows, AT_ONCE):
                masked = [self._masked_once(row) for row in _rows(captions.slice(first, AT_ONCE))]
                parts.append(
                    keywords.ids_of_masked(backbone, [keywords.MASK if one is None else one for one in masked])
                )
                drawn += [one is None for one in masked]
                bar.update(len(masked))
        self._ids, self._drawn = TokenIds.joined(parts), np.array(drawn, dtype=bool)

    def ids(self, chosen: NDArray[np.int64], epoch: int) -> TokenIds:
        """Ids of the masked captions of some rows in a pass, as `keywords.masked_ids` gives them one by one."""
        ids, drawn = self._ids.take(chosen), np.flatnonzero(self._drawn[chosen])
        if not len(drawn):
            return ids
        masked = self.masked(_rows(self.captions.take(pa.array(chosen[drawn]))), epoch)
        return ids.replaced(drawn, keywords.ids_of_masked(self.backbone, masked))

    def masked(self, rows: Sequence[Mapping[str, Any]], epoch: int) -> list[str]:
        """Captions (rows of schemas.CAPTIONS) whose keywords gave way to `[$]` in a pass.

        What is drawn depends on (seed, caption, pass) alone.

        Raises:
            CirqueError: a caption's words are not its own; with its caption_id.
        """
        streams = draws.each(self.seed, "lincir masking", [row["caption_id"] for row in rows], epoch)
        return [self._of_row(row, functools.partial(_given, stream)) for row, stream in zip(rows, streams, strict=True)]

    def _masked_once(self, row: Mapping[str, Any]) -> str | None:
        """The masked caption of every pass; None where something is drawn."""
        try:
            return self._of_row(row, _refuse)
        except _DrawsError:
            return None

    def _of_row(self, row: Mapping[str, Any], rng: keywords.Rng) -> str:
        try:
            return self.masking(row["caption"], row["words"], row["pos"], rng)
        except CirqueError as error:
            raise CirqueError(f"caption {row['caption_id']}: {error}") from error


def _rows(captions: pa.Table) -> list[dict[str, Any]]:
    """The rows of a table; its lists, which Arrow turns one by one into Python's, are cut from whole columns."""
    columns = {}
    for name in captions.column_names:
        column = captions[name].combine_chunks()
        column = column.chunk(0) if isinstance(column, pa.ChunkedArray) else column
        columns[name] = _lists(column) if pa.types.is_nested(column.type) else column.to_pylist()
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _lists(column: pa.ListArray | pa.LargeListArray) -> list[list[str]]:
    """A column of lists that has no null."""
    values, offsets = column.flatten().to_pylist(), column.offsets.to_numpy()
    return [values[start:end] for start, end in itertools.pairwise((offsets - offsets[0]).tolist())]
