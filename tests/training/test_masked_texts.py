"""Ids of masked captions are those of each caption in each pass, made once where nothing is drawn."""

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from cirque import draws
from cirque.encoders.backbones import Backbone
from cirque.errors import CirqueError
from cirque.store import schemas
from cirque.texts import keywords
from cirque.training import masked_texts
from cirque.training.masked_texts import MaskedTexts
from tests import small_lincir, small_searle

N = len(small_lincir.CAPTIONS)


def rows() -> list[dict[str, Any]]:
    """The captions, of which one has a space for a word, as spaCy has it where two spaces meet."""
    found: list[dict[str, Any]] = small_lincir.rows()
    found[6] |= {"words": ["runs", " ", "in"], "pos": ["VERB", "SPACE", "ADP"]}
    return found


CAPTIONS = pa.Table.from_pylist(rows(), schemas.CAPTIONS)


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Backbone:
    return small_searle.load_backbone(tmp_path_factory.mktemp("backbone"))


def alone(backbone: Backbone, masking: str, row: int, epoch: int) -> list[int]:
    """Ids of one masked caption by the plain functions."""
    one = rows()[row]
    rng = functools.partial(draws.generator, 3, "lincir masking", one["caption_id"], epoch)
    masked = keywords.MASKINGS[masking](one["caption"], one["words"], one["pos"], rng)
    return keywords.masked_ids(backbone, masked)


@pytest.mark.parametrize("masking", sorted(keywords.MASKINGS))
def test_ids_are_those_of_each_caption_masked_alone_in_each_pass(
    backbone: Backbone, masking: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(masked_texts, "AT_ONCE", 5)
    texts = MaskedTexts(backbone, CAPTIONS, masking, seed=3)
    chosen = np.array([7, 0, 5, 12, 4, 3, 6, 0])
    for epoch in range(3):
        ids = texts.ids(chosen, epoch)
        assert [ids.row(place) for place in range(len(ids))] == [
            alone(backbone, masking, row, epoch) for row in chosen.tolist()
        ]


def test_a_caption_of_which_nothing_is_drawn_is_masked_once(
    backbone: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def spy(caption: str, words: Sequence[str], pos: Sequence[str], rng: keywords.Rng) -> str:
        seen.append(caption)
        return keywords.mask_substrings(caption, words, pos, rng)

    monkeypatch.setitem(keywords.MASKINGS, "substring", spy)
    texts = MaskedTexts(backbone, CAPTIONS, "substring", seed=0)
    assert seen == small_lincir.CAPTIONS
    seen.clear()
    texts.ids(np.arange(N), 0)
    assert seen == ["is running on", "", "runs  in"]  # without a keyword: a word of theirs is drawn


def test_words_of_another_caption_are_refused_before_the_first_step(backbone: Backbone) -> None:
    others = rows()
    others[8] |= {"words": ["another"], "pos": ["NOUN"]}
    with pytest.raises(CirqueError, match=r"caption cc3m-00000-000000008: .*tag it again"):
        MaskedTexts(backbone, pa.Table.from_pylist(others, schemas.CAPTIONS), "token", seed=0)
