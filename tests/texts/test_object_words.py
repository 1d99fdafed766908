import numpy as np
import pyarrow as pa
import pytest
import torch

from cirque.encoders.backbones import Backbone
from cirque.errors import CirqueError
from cirque.store import schemas
from cirque.texts import object_words
from tests import plain_text, small_searle


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Backbone:
    return small_searle.load_backbone(tmp_path_factory.mktemp("backbone"))


def captions(*tagged: str) -> pa.Table:
    """Captions as `word/POS word/POS`."""
    rows = []
    for number, line in enumerate(tagged):
        words, pos = zip(*(word.split("/") for word in line.split()), strict=True)
        rows.append({"caption_id": str(number), "caption": " ".join(words), "words": list(words), "pos": list(pos)})
    return pa.Table.from_pylist(rows, schemas.CAPTIONS)


LINES = (
    "a/DET dog/NOUN and/CCONJ a/DET dog/NOUN",
    "cat/PROPN red/ADJ dog/NOUN",
    "the/DET cat/NOUN runs/VERB",
    "an/DET apple/NOUN",
)


def test_words_are_the_most_frequent_nouns_and_equals_go_by_the_alphabet() -> None:
    assert object_words.find(captions(*LINES), 3).names == ["dog", "cat", "apple"]
    assert object_words.find(captions(*LINES, "bee/NOUN"), 4).names == ["dog", "cat", "apple", "bee"]


def test_a_word_knows_its_captions_and_where_it_first_stands() -> None:
    found = object_words.find(captions(*LINES), 3)
    assert [rows.tolist() for rows in found.captions] == [[0, 1], [1, 2], [3]]
    assert [places.tolist() for places in found.places] == [[1, 2], [0, 1], [1]]


def test_how_many_captions_are_looked_through_at_once_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = object_words.find(captions(*LINES), 3)
    monkeypatch.setattr(object_words, "CAPTIONS_AT_ONCE", 1)
    again = object_words.find(captions(*LINES), 3)
    assert all(np.array_equal(a, b) for a, b in zip(whole.captions, again.captions, strict=True))
    assert whole.names == again.names


def test_fewer_nouns_than_asked_for_is_an_error() -> None:
    with pytest.raises(CirqueError, match="n_words is 4, but the 4 captions that have an image hold only 3 different"):
        object_words.find(captions(*LINES), 4)


def test_a_name_takes_the_place_of_a_word_and_of_no_letters_within_others() -> None:
    assert object_words.sentence_about(
        "category of a cat, big", ["category", "of", "a", "cat", ",", "big"], 3, "Red ball"
    ) == ("category of a Red ball, big")


def test_a_name_belongs_to_the_word_with_the_nearest_unnormalised_feature(backbone: Backbone) -> None:
    names, words = ["Cat", "Red ball", "Box", "Tomato", "dog"], ["dog", "ball", "street"]
    with torch.no_grad():
        named = plain_text.encode(backbone, [f"This is a photo of a {name}" for name in names])
        among = plain_text.encode(backbone, [f"This is a photo of a {word}" for word in words])
    plain = [min(range(3), key=lambda row, x=x: float((x - among[row]).norm())) for x in named]
    found = object_words.nearest_words(names, words, backbone)
    assert found.tolist() == plain
    assert found[4] == 0


def test_every_word_has_a_name_if_need_be_its_own(backbone: Backbone) -> None:
    names = small_searle.CONCEPTS
    words = ["dog", "ball", "street", "hill", "man", "box", "house"]
    found = object_words.names_of_words(names, words, backbone)
    near = object_words.nearest_words(names, words, backbone)
    assert [name for own in found for name in own if name in names] == [
        name for word in range(len(words)) for name, number in zip(names, near, strict=True) if number == word
    ]
    lonely = set(range(len(words))) - set(near.tolist())
    assert lonely
    assert all(found[word] == [words[word]] for word in lonely)
