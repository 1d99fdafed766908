import itertools

import pytest
import spacy

from cirque.errors import CirqueError
from cirque.mini.captions import caption, full_caption
from cirque.mini.concepts import concepts, corpus
from cirque.mini.draws import draws
from cirque.mini.parts_of_speech import sentences, tagged
from cirque.mini.relative import relative_caption
from cirque.mini.scenes import draw_scene
from cirque.texts.captions import clean

UNIVERSAL = {"ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "NOUN", "NUM", "PART", "PRON", "PUNCT", "VERB"}


def texts() -> list[str]:
    """Captions, sentences of the corpus, relative and full captions of the world, cleaned."""
    scenes = [draw_scene(draws(3, n)) for n in range(5000)]
    found = [caption(scene, draws(4, n)) for n, scene in enumerate(scenes)]
    found += [full_caption(scene) for scene in scenes[:500]]
    pairs = itertools.pairwise(scenes)
    found += [relative_caption(one, other, draws(5, n)) for n, (one, other) in enumerate(pairs)]
    return list(dict.fromkeys(clean(line) for line in [*found, *corpus(6, 2000)]))


def test_every_word_of_the_world_has_a_part_of_speech_and_spacy_splits_its_sentences_alike() -> None:
    split = spacy.blank("en")
    found = texts()
    assert len(found) > 8000
    for line in found:
        stated = tagged(line)
        assert [word for word, _ in stated] == [word.text for word in split(line)]
        assert {pos for _, pos in stated} <= UNIVERSAL


@pytest.mark.parametrize(
    ("line", "pos"),
    [
        ("a photo of three red stars", "DET NOUN ADP NUM ADJ NOUN"),
        ("a photo of star that is blue", "DET NOUN ADP NOUN PRON AUX ADJ"),
        ("has a striped background instead of a plain one", "VERB DET ADJ NOUN ADV ADP DET ADJ NOUN"),
        ("shows only one of them, not two", "VERB ADV NUM ADP PRON PUNCT PART NUM"),
        ("one orange fish that was painted blue", "NUM ADJ NOUN PRON AUX VERB ADJ"),
        ("some boxes that are all red", "DET NOUN PRON AUX ADV ADJ"),
        ("remove some to leave only one", "VERB PRON PART VERB ADV NUM"),
        ("add more of them, four in all", "VERB ADJ ADP PRON PUNCT NUM ADP PRON"),
        ("a disc that was moved to a dark background", "DET NOUN PRON AUX VERB ADP DET ADJ NOUN"),
        ("two plus signs in front of polka dots", "NUM NOUN NOUN ADP NOUN ADP NOUN NOUN"),
        ("this photo contains a single heart", "DET NOUN VERB DET ADJ NOUN"),
    ],
)
def test_parts_of_speech_follow_the_sentence(line: str, pos: str) -> None:
    assert " ".join(stated for _, stated in tagged(line)) == pos


def test_every_concept_of_the_vocabulary_is_a_noun() -> None:
    assert {pos for name in concepts() for _, pos in tagged(clean(name))} == {"NOUN"}


def test_a_word_of_another_world_is_an_error() -> None:
    with pytest.raises(CirqueError, match="the part of speech of 'russian' is not known"):
        tagged("a russian blue cat")


def test_sentences_are_all_different_and_a_longer_list_begins_with_the_shorter() -> None:
    found = sentences(0, 2000)
    assert len(set(found)) == len(found) == 2000
    assert found[:300] == sentences(0, 300)
    assert sentences(1, 300) != sentences(0, 300)


def test_sentences_are_of_every_kind() -> None:
    found = sentences(0, 300)
    assert any("instead of" in line for line in found)
    assert any(line.startswith(("make it", "put it", "add more", "remove some")) for line in found)
    assert any(line.startswith(("this ", "we see ")) for line in found)
    assert all(line == clean(line) for line in found)
