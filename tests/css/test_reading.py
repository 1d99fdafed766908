"""Texts of CSS are read back as what they say, and the query most alike to the paper's is found."""

import numpy as np
import pytest

from cirque.css import grammar, modifications, reading
from cirque.css.modifications import Description, Modification
from cirque.errors import CirqueError
from tests.configurations import configured

PAPER = configured("config")["plots"]["reconstruction"]["texts"]


@pytest.mark.parametrize("words", [modifications.RELEASED, modifications.PRINTED])
def test_every_text_is_read_back_as_its_modification(words):
    rng = np.random.default_rng(0)
    drawn = [modifications.draw("test", grammar.draw_scene("test", rng), rng) for _ in range(400)]
    found = [modification for modification in drawn if modification is not None]
    assert {modification.kind for modification in found} == set(modifications.KINDS)
    for modification in found:
        assert reading.parse(modifications.text(modification, words)) == modification


@pytest.mark.parametrize(
    "text", ["", "make red cube", "remove red cube blue", "add red cube top-left", "remove to top-left", "is wider"]
)
def test_other_texts_say_nothing(text):
    assert reading.parse(text) is None


def test_the_papers_three_texts_are_read():
    gray, brown, cyan = map(reading.parse, PAPER)
    assert gray == Modification("make", Description(cell=8, colour="gray"), new_colour="purple")
    assert brown == Modification("make", Description(colour="brown", shape="circle"), new_colour="yellow")
    assert cyan == Modification("remove", Description(cell=7, colour="cyan"))


def test_the_same_text_comes_before_one_of_the_same_parts_and_that_before_one_of_the_same_change():
    texts = [
        "make small object red",
        "make red circle blue",
        "make brown circle yellow",
        "remove object",
        "make top-left red object large",
        "remove top-left red object",
    ]
    assert reading.most_alike(PAPER, texts) == [0, 2, 5]
    assert reading.most_alike(PAPER, texts[:2] + texts[3:5]) == [0, 1, 2]


def test_no_query_is_taken_twice():
    texts = ["make red circle blue", "make red circle blue", "make gray triangle blue"]
    assert reading.most_alike([PAPER[1], "make red sphere green"], texts) == [0, 2]


def test_a_text_that_nothing_is_like_is_named():
    with pytest.raises(CirqueError, match=r"'remove object': none of 1 queries asks for such a change"):
        reading.most_alike(["remove object"], ["add object"])
    with pytest.raises(CirqueError, match=r"'is wider': no text of CSS"):
        reading.most_alike(["is wider"], ["add object"])
