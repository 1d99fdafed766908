import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cirque.encoders.packing import few_lengths


def scores(lengths: list[int], edges: list[int]) -> int:
    """Scores of all texts, each padded to the next of the edges."""
    return sum(min(edge for edge in edges if edge >= length) ** 2 for length in lengths)


@given(st.lists(st.integers(1, 12), min_size=1, max_size=30), st.integers(1, 4))
def test_no_other_few_lengths_need_fewer_scores(lengths: list[int], most: int) -> None:
    found = few_lengths(np.sort(lengths), most).tolist()
    assert len(found) <= most
    assert found == sorted(set(found))
    assert found[-1] == max(lengths)
    different = set(lengths)
    tried = itertools.combinations(different, min(most, len(different)))
    assert scores(lengths, found) == min(scores(lengths, list(edges)) for edges in tried if max(edges) == max(lengths))
