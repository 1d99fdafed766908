import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import spacy

from cirque.errors import CirqueError
from cirque.mini import parts_of_speech
from cirque.store import provenance
from cirque.texts import tagger
from cirque.texts.captions import clean
from tests import small_tagger
from tests.small_tagger import HOSTILE, SETTINGS

SENTENCES = [parts_of_speech.tagged(line) for line in parts_of_speech.sentences(0, 60)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_tagger.write(tmp_path_factory.mktemp("tagger"))


def rewrite_meta(folder: Path, copy: Path, **changes: object) -> Path:
    shutil.copytree(folder, copy)
    meta = json.loads((copy / "meta.json").read_text())
    (copy / "meta.json").write_text(json.dumps({**meta, **changes}))
    return copy


# ---- use -----------------------------------------------------------------------------------------------------------


def test_a_trained_tagger_tells_the_parts_of_speech_of_its_world(folder: Path) -> None:
    nlp = tagger.load(str(folder))
    ((words, pos),) = tagger.tag(nlp, ["a photo of three red stars that are blue"])
    assert words == ["a", "photo", "of", "three", "red", "stars", "that", "are", "blue"]
    assert pos == ["DET", "NOUN", "ADP", "NUM", "ADJ", "NOUN", "PRON", "AUX", "ADJ"]


@pytest.mark.parametrize("processes", [1, 2])
def test_any_caption_is_tagged_and_the_number_of_processes_changes_nothing(processes: int, folder: Path) -> None:
    captions = [clean(caption)[:200] for caption in HOSTILE] * 20  # two batches
    nlp = tagger.load(str(folder))
    found = list(tagger.tag(nlp, captions, processes))
    assert len(captions) > tagger.BATCH
    assert found == [([word.text for word in doc], [word.pos_ for word in doc]) for doc in map(nlp, captions)]
    assert all(len(words) == len(pos) for words, pos in found)
    assert all(
        "".join(words).replace(" ", "") == caption.replace(" ", "")
        for (words, _), caption in zip(found, captions, strict=True)
    )
    assert found[5] == found[6] == ([], [])


def test_a_pipeline_is_loaded_without_entities_and_lemmas_but_with_all_else(folder: Path, tmp_path: Path) -> None:
    nlp = spacy.load(folder)
    for name in ("lemmatizer", "ner", "sentencizer"):
        nlp.add_pipe(name, config={"mode": "rule"} if name == "lemmatizer" else {})
    nlp.to_disk(tmp_path, exclude=["lemmatizer", "ner"])
    assert tagger.load(str(tmp_path)).pipe_names == ["tok2vec", "morphologizer", "sentencizer"]


def test_a_pipeline_is_found_in_an_unpacked_package_and_by_the_name_of_an_installed_one(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = tmp_path / "en_some_tagger" / "en_some_tagger-3.8.0"
    shutil.copytree(folder, inner)
    (tmp_path / "en_some_tagger" / "meta.json").write_text("{}")
    (tmp_path / "en_some_tagger" / "__init__.py").write_text("")
    assert tagger.find(str(tmp_path / "en_some_tagger")) == inner
    monkeypatch.setattr(spacy.util, "is_package", lambda name: name == "en_some_tagger")
    monkeypatch.setattr(spacy.util, "get_package_path", lambda name: tmp_path / name)
    assert tagger.find("en_some_tagger") == inner


@pytest.mark.parametrize("model", ["en_core_web_none", "no/such/folder"])
def test_a_missing_pipeline_is_an_error_that_says_how_to_come_by_one(model: str) -> None:
    with pytest.raises(
        CirqueError, match=rf"tagger {model}: .*no such package is installed; fetch its wheel from https"
    ):
        tagger.load(model)


def test_a_folder_with_none_or_two_pipelines_is_an_error(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(CirqueError, match="holds no spaCy pipelines"):
        tagger.find(str(tmp_path))
    for name in ("one", "two"):
        shutil.copytree(folder, tmp_path / name)
    with pytest.raises(CirqueError, match="holds 2 spaCy pipelines"):
        tagger.find(str(tmp_path))


def test_a_pipeline_without_parts_of_speech_is_an_error(tmp_path: Path) -> None:
    spacy.blank("en").to_disk(tmp_path)
    with pytest.raises(CirqueError, match=r"this pipeline \(empty\) tells no parts of speech"):
        tagger.load(str(tmp_path))


def test_a_pipeline_for_another_spacy_is_an_error(folder: Path, tmp_path: Path) -> None:
    old = rewrite_meta(folder, tmp_path / "old", spacy_version=">=2.3.0,<2.4.0")
    with pytest.raises(CirqueError, match=r"made for spaCy >=2\.3\.0,<2\.4\.0, but 3\."):
        tagger.load(str(old))


def test_a_pipeline_that_was_cut_short_is_an_error(folder: Path, tmp_path: Path) -> None:
    cut = rewrite_meta(folder, tmp_path / "cut")
    weights = cut / "morphologizer" / "model"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(CirqueError, match="cut: the tagger could not be loaded"):
        tagger.load(str(cut))
    (cut / "meta.json").unlink()
    with pytest.raises(CirqueError, match=r"meta\.json does not name the spaCy"):
        tagger.load(str(cut))


def test_the_files_of_a_pipeline_are_on_record(folder: Path) -> None:
    tagger.load(str(folder))
    assert {folder / "config.cfg", folder / "tok2vec" / "model", folder / "vocab" / "strings.json"} <= set(
        provenance._read
    )


# ---- training ------------------------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_weights_and_another_seed_others() -> None:
    one, again, other = (tagger.train(SENTENCES, SETTINGS, seed).to_bytes(exclude=["vocab"]) for seed in (0, 0, 1))
    assert one == again
    assert one != other


def test_training_leaves_the_callers_random_numbers_alone() -> None:
    np.random.seed(7)
    before = np.random.random()
    np.random.seed(7)
    tagger.train(SENTENCES[:8], SETTINGS, 0)
    assert np.random.random() == before


def test_accuracy_is_the_share_of_words_stated_rightly() -> None:
    class Fixed:
        """Calls every word a noun."""

        def pipe(self, texts: list[str], **_: object) -> list[spacy.tokens.Doc]:
            docs = [spacy.blank("en")(text) for text in texts]
            for doc in docs:
                for word in doc:
                    word.pos_ = "NOUN"
            return docs

    assert tagger.accuracy(Fixed(), [[("a", "DET"), ("star", "NOUN")], [("two", "NUM"), ("stars", "NOUN")]]) == 0.5
    assert tagger.accuracy(Fixed(), [[("t-shirt", "NOUN"), ("star", "NOUN")], [("star", "NOUN")]]) == 1 / 3


def test_nothing_to_learn_from_or_to_measure_with_is_an_error() -> None:
    with pytest.raises(CirqueError, match="no sentence to learn from"):
        tagger.train([], SETTINGS, 0)
    with pytest.raises(CirqueError, match="no sentence is held out"):
        tagger.accuracy(spacy.blank("en"), [])


def test_scores_that_are_not_finite_are_an_error() -> None:
    wild = tagger.Settings(**{**vars(SETTINGS), "learning_rate": float("nan")})
    with pytest.raises(CirqueError, match=r"training failed in epoch .*NaN.*lower tagger\.learning_rate"):
        tagger.train(SENTENCES, wild, 0)
