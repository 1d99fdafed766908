"""The phrases of the usable concepts beside their text features, and which of them may regularise an image.

Both inversion and φ draw from it: of an image's nearest concepts one, of that concept's phrases one. Two ablations of
inversion draw from a pool of bare prompts instead (`of_prompts`).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch

from cirque.encoders import token_ids
from cirque.encoders.text import PLACEHOLDER, PLACEHOLDER_ID, Replace, encode, tokenize
from cirque.encoders.token_ids import TokenIds
from cirque.errors import CirqueError, listed
from cirque.store import files

if TYPE_CHECKING:
    from cirque.encoders.backbones import Backbone

#: What every phrase begins with before its concept, as the language model was asked (`phrases.PROMPT`).
START = "a photo of"

#: A concept without the words of a language model (SEARLE Table 4, "w/o GPT reg").
PROMPT = f"{START} {{concept}}"

#: Concepts whose phrases are tokenised together: the words of 5.4 million phrases would take more than their features.
CONCEPTS_AT_ONCE = 100


def is_usable(concept: str, phrases: Sequence[str]) -> bool:
    """Whether every phrase still holds its concept, so that a token can take its place.

    The decoder's rewriting of spaces loses some: `Grevillea 'superb'` is `Grevillea'superb'` in its phrases. The
    released code looks for the placeholder after the replacement, which a phrase about dollars has anyway; only a
    concept all of whose phrases are about dollars would tell the two apart.
    """
    return all(concept in phrase for phrase in phrases)


def with_placeholder(concept: str, phrases: pa.StringArray, replace: Replace) -> pa.StringArray:
    """Phrases in which the concept's first occurrence, or all of them, gave way to the placeholder.

    Args:
        concept: exact and case-sensitive; found inside words too.
        phrases: hold the concept.
        replace: `first` (released inversion) or `all` (released training of φ).
    """
    most = {"max_replacements": 1} if replace == "first" else {}
    return pc.replace_substring(phrases, concept, f" {PLACEHOLDER} ", **most)


@dataclass(frozen=True, eq=False)
class PhrasePool:
    """Phrases of all concepts, one after the other, and their features in the same order."""

    rows: dict[str, int]  # a concept's place in the files
    starts: np.ndarray  # int64 [n_concepts + 1]: the phrases of row r are starts[r] … starts[r + 1] − 1
    usable: np.ndarray  # bool [n_concepts]
    phrases: pa.ChunkedArray  # [n_phrases] strings
    features: np.ndarray  # fp32 [n_phrases, dim], L2-normalised
    _ids: dict[Any, TokenIds] = field(default_factory=dict, repr=False)

    def phrase(self, number: int) -> str:
        """Text of the phrase of that number."""
        text: str = self.phrases[number].as_py()
        return text

    def pseudo_ids(self, backbone: "Backbone", replace: Replace) -> TokenIds:
        """Ids of all phrases with the placeholder for their concept, cut to the context; tokenised once.

        Args:
            backbone: whose tokenizer and context length are used.
            replace: as of `with_placeholder`.
        """
        key = (backbone.tokenizer, backbone.context_length, replace)
        if key not in self._ids:
            names, parts = list(self.rows), [TokenIds.of([])]
            for first in range(0, len(names), CONCEPTS_AT_ONCE):
                of_concepts = [
                    with_placeholder(names[row], self._of_concept(row), replace)
                    for row in range(first, min(first + CONCEPTS_AT_ONCE, len(names)))
                ]
                parts.append(token_ids.tokenize(backbone, pa.concat_arrays(of_concepts)))
            self._ids[key] = TokenIds.joined(parts)
        return self._ids[key]

    def _of_concept(self, row: int) -> pa.StringArray:
        """Phrases of one concept."""
        own = self.phrases.slice(int(self.starts[row]), int(self.starts[row + 1] - self.starts[row]))
        return pa.concat_arrays(own.chunks) if own.num_chunks else pa.array([], pa.string())

    def allowed(self, concepts: Sequence[str], n_concepts: int, where: str) -> np.ndarray:
        """Rows of the usable ones of an image's first `n_concepts` concepts, most similar first.

        The cut comes before the filter, as released: fewer than `n_concepts` may remain.

        Raises:
            CirqueError: a concept has no phrases, or none is usable.
        """
        first = list(concepts[:n_concepts])
        missing = [concept for concept in first if concept not in self.rows]
        if missing:
            raise CirqueError(
                f"{where}: no phrases for {listed(missing)}; associate with the vocabulary of the phrases"
            )
        rows = np.array([self.rows[concept] for concept in first], dtype=np.int64)
        rows = np.asarray(rows[self.usable[rows]])
        if not len(rows):
            raise CirqueError(f"{where}: none of its {len(first)} nearest concepts occurs in all its phrases")
        return rows


def without_cut_placeholders(pool: PhrasePool, backbone: "Backbone", how: Replace) -> PhrasePool:
    """Drop a concept when the cut at the context takes the placeholder out of one of its phrases.

    The filter is the released one's in spirit: there a phrase without a placeholder drops its concept as well.
    """
    n_lost = np.concatenate([[0], np.cumsum(~pool.pseudo_ids(backbone, how).with_id(PLACEHOLDER_ID))])
    keeps = n_lost[pool.starts[1:]] == n_lost[pool.starts[:-1]]
    return replace(pool, usable=pool.usable & keeps)


def load(
    phrase_paths: Sequence[Path], feature_paths: Sequence[Path], needed: Collection[str] | None = None
) -> PhrasePool:
    """Read phrases and their features, which must be of the same concepts in the same order.

    Args:
        phrase_paths: files of phrases.
        feature_paths: files of their features.
        needed: concepts to keep, of which alone is read; None: all, 16 GB of features of 5.4 million phrases.

    Raises:
        CirqueError: a file is broken, or the two disagree.
    """
    table = pa.concat_tables([_read(path, "phrases", needed) for path in phrase_paths])
    concepts: list[str] = table["concept"].to_pylist()
    counts = pc.list_value_length(table["phrases"]).to_numpy().astype(np.int64)
    starts = np.concatenate([[0], np.cumsum(counts)])
    phrases = pa.chunked_array([chunk.flatten() for chunk in table["phrases"].chunks], pa.string())
    usable = np.array(
        [is_usable(concept, row) for concept, row in zip(concepts, table["phrases"].to_pylist(), strict=True)],
        dtype=bool,
    )
    features = _load_features(feature_paths, concepts, counts, needed)
    return PhrasePool({concept: row for row, concept in enumerate(concepts)}, starts, usable, phrases, features)


def of_prompts(concepts: Sequence[str], backbone: "Backbone") -> PhrasePool:
    """A pool in which the only phrase of each concept is its prompt, `a photo of {concept}`, encoded here.

    Every concept is usable: no decoder has rewritten its name.

    Args:
        concepts: different names.
        backbone: whose text tower encodes the prompts.
    """
    prompts = [PROMPT.format(concept=concept) for concept in concepts]
    with torch.no_grad():
        features = torch.nn.functional.normalize(encode(backbone, tokenize(backbone, prompts, truncate=True)), dim=-1)
    return PhrasePool(
        {concept: row for row, concept in enumerate(concepts)},
        np.arange(len(concepts) + 1),
        np.ones(len(concepts), dtype=bool),
        pa.chunked_array([prompts], pa.string()),
        features.float().cpu().numpy(),
    )


def _read(path: Path, column: str, needed: Collection[str] | None) -> pa.Table:
    """One file, with the rows of the needed concepts."""
    columns = ["concept", column]
    return files.read_table(path, columns) if needed is None else files.read_where(path, columns, "concept", needed)


def _load_features(
    paths: Sequence[Path], concepts: list[str], counts: np.ndarray, needed: Collection[str] | None
) -> np.ndarray:
    """Features of all phrases [n_phrases, dim], file by file, so that no more than one file is held twice."""
    features = np.zeros((0, 0), dtype=np.float32)
    found: list[str] = []
    filled = 0
    for path in paths:
        table = _read(path, "features", needed)
        dim = table.schema.field("features").type.value_type.list_size
        if not found:
            features = np.empty((int(counts.sum()), dim), dtype=np.float32)
        names = table["concept"].to_pylist()
        sizes = pc.list_value_length(table["features"]).to_pylist()
        expected = slice(len(found), len(found) + len(names))
        if names != concepts[expected] or sizes != counts[expected].tolist():
            raise CirqueError(
                f"{path}: its concepts or their numbers of phrases are not those of the phrases; delete it and run"
                " Snakemake again"
            )
        for chunk in table["features"].chunks:
            block = chunk.flatten().flatten().to_numpy(zero_copy_only=True).reshape(-1, dim)
            features[filled : filled + len(block)] = block
            filled += len(block)
        found += names
    if found != concepts:
        raise CirqueError(
            f"phrase features of {len(found)} concepts for phrases of {len(concepts)}; give the same parts of both"
        )
    return features
