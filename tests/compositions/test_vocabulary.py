import pytest
import torch

from cirque.compositions.vocabulary import Vocabulary, tokens
from cirque.errors import CirqueError


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("make bottom-right circle Red", ["make", "bottomright", "circle", "red"]),
        ("  a\tb \n c ", ["a", "b", "c"]),
        ("déjà-vu's “new” 2-piece", ["djvus", "new", "2piece"]),
        ("it's a_b, red's?!", ["its", "ab", "reds"]),
        ("<UNK>", ["unk"]),
        ("İstanbul", ["stanbul"]),
        ("a - b", ["a", "b"]),
        ("", []),
        ("?!", []),
        ("日本", []),
    ],
)
def test_words_are_ascii_in_lower_case_without_punctuation(text: str, words: list[str]) -> None:
    assert tokens(text) == words


def test_words_are_numbered_in_alphabetical_order_from_1() -> None:
    vocabulary = Vocabulary.of(["make red circle blue", "Make Red cube", "remove top-left cube", "?!"])
    assert vocabulary.words == ("blue", "circle", "cube", "make", "red", "remove", "topleft")
    assert len(vocabulary) == 8
    ids, lengths = vocabulary.encode(["make circle red", "remove TOP-LEFT", "cube"])
    assert ids.tolist() == [[4, 2, 5], [6, 7, 0], [3, 0, 0]]
    assert lengths.tolist() == [3, 2, 1]
    assert ids.dtype == lengths.dtype == torch.int64


def test_unknown_words_are_0_and_count() -> None:
    ids, lengths = Vocabulary.of(["red cube"]).encode(["replace cube with dress", "sphere"])
    assert ids.tolist() == [[0, 1, 0, 0], [0, 0, 0, 0]]
    assert lengths.tolist() == [4, 1]


def test_a_vocabulary_is_restored_with_its_numbers_even_if_they_are_not_alphabetical() -> None:
    made = Vocabulary.of(["b a c"])
    assert Vocabulary(made.words).encode(["c b a"])[0].tolist() == made.encode(["c b a"])[0].tolist() == [[3, 2, 1]]
    assert Vocabulary(["b", "a"]).encode(["a b"])[0].tolist() == [[2, 1]]


def test_a_text_without_words_is_an_error_that_names_it() -> None:
    with pytest.raises(CirqueError, match=r"2 of 3 texts without a word .*first: '\?!', '日本'"):
        Vocabulary.of(["red"]).encode(["red", "?!", "日本"])


def test_a_text_without_words_may_count_as_an_unknown_word() -> None:
    ids, lengths = Vocabulary.of(["red cube"]).encode([" ", "red cube"], blank_is_unknown=True)
    assert ids.tolist() == [[0, 0], [2, 1]]
    assert lengths.tolist() == [1, 2]


def test_a_word_that_stands_twice_is_an_error() -> None:
    with pytest.raises(CirqueError, match="vocabulary: red stands twice"):
        Vocabulary(["red", "cube", "red"])


def test_no_texts_are_no_rows() -> None:
    ids, lengths = Vocabulary.of(["red"]).encode([])
    assert ids.shape == (0, 0)
    assert lengths.shape == (0,)
