"""Ids of many texts at once are those of each alone."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cirque.encoders import text, token_ids
from cirque.encoders.backbones import Backbone
from cirque.encoders.token_ids import TokenIds
from tests import plain_text

PIECES = st.sampled_from(
    ["dog", "Dog's", "$", "$,", "a_b", "5,000", "&amp;", "&", "café", "\t", "x\ny", "<end_of_text>", "  ", "＄", "\x7f"]
)


@pytest.fixture(scope="module")
def small() -> Backbone:
    return plain_text.build(plain_text.SMALL)


def rows(ids: TokenIds) -> list[list[int]]:
    return [ids.row(number) for number in range(len(ids))]


@example([])
@example([""])
@example(["old " * 100 + "$", "a photo of $"])
@example(["dog <end_of_text> cat $", "$"])
@given(st.lists(st.one_of(st.lists(PIECES, max_size=12).map(" ".join), st.text(max_size=20)), max_size=6))
@settings(deadline=None)
def test_ids_of_many_texts_are_those_of_each_alone(small: Backbone, texts: list[str]) -> None:
    assert rows(token_ids.tokenize(small, texts)) == text.tokenize(small, texts, truncate=True)


def test_heads_are_filled_up_where_a_text_is_shorter() -> None:
    ids = TokenIds.of([[1, 2, 3], [4], []])
    assert ids.heads(2).tolist() == [[1, 2], [4, -1], [-1, -1]]
    assert ids.lengths.tolist() == [3, 1, 0]


def test_texts_that_hold_an_id_are_found_by_text() -> None:
    assert TokenIds.of([[1, 2], [], [2, 2], [3]]).with_id(2).tolist() == [True, False, True, False]


@pytest.mark.parametrize("numbers", [[], [0], [1, 3], [0, 1, 2, 3]])
def test_replaced_texts_stand_in_the_places_of_theirs(numbers: list[int]) -> None:
    before, others = [[1, 2, 3], [], [4], [5, 6]], [[7, 7], [], [8, 9, 10], [11]][: len(numbers)]
    expected = list(before)
    for number, other in zip(numbers, others, strict=True):
        expected[number] = other
    assert rows(TokenIds.of(before).replaced(np.array(numbers, dtype=np.int64), TokenIds.of(others))) == expected
