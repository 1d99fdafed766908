from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch

from cirque.encoders import text
from cirque.encoders.text import Replace
from cirque.errors import CirqueError
from cirque.store import files, schemas
from cirque.texts import phrase_pool, phrases
from tests import plain_text, small_searle


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> phrase_pool.PhrasePool:
    return phrase_pool.load(*small_searle.write_phrases(tmp_path_factory.mktemp("pool")))


def test_bare_prompts_begin_as_the_language_models_phrases_do() -> None:
    assert phrases.PROMPT.startswith(f"{phrase_pool.PROMPT} ")


def test_a_concept_is_lost_when_one_phrase_does_not_hold_it() -> None:
    assert phrase_pool.is_usable("Cat", ["a photo of Cat that is red", "a photo of Cat"])
    assert not phrase_pool.is_usable("Grevillea 'superb'", ["a photo of Grevillea'superb' that is red"])
    assert not phrase_pool.is_usable("Cat", ["a photo of Cat that", "a photo of cat that"])


def test_inversion_replaces_the_first_occurrence_and_phi_all_even_inside_words() -> None:
    phrases = pa.array(["a photo of Cat that is no Caterpillar", "Cat.Cat"])
    first, all_ = (phrase_pool.with_placeholder("Cat", phrases, how).to_pylist() for how in ("first", "all"))
    assert first == ["a photo of  $  that is no Caterpillar", " $ .Cat"]
    assert all_ == ["a photo of  $  that is no  $ erpillar", " $ . $ "]


@pytest.mark.parametrize("replace", ["first", "all"])
def test_ids_of_pseudo_phrases_are_those_of_each_with_its_concept_replaced(
    replace: Replace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(phrase_pool, "CONCEPTS_AT_ONCE", 4)  # of six
    backbone = small_searle.load_backbone(tmp_path)
    pool = phrase_pool.load(*small_searle.write_phrases(tmp_path))
    n = 1 if replace == "first" else -1
    expected = [
        phrase.replace(name, " $ ", n) for name in small_searle.CONCEPTS for phrase in small_searle.phrases_of(name)
    ]
    ids = pool.pseudo_ids(backbone, replace)
    assert [ids.row(number) for number in range(len(ids))] == text.tokenize(backbone, expected, truncate=True)
    chosen = np.array([5, 0, 5])
    taken = ids.take(chosen)
    assert [taken.row(number) for number in range(3)] == [ids.row(number) for number in chosen]


def test_the_pool_holds_every_phrase_with_its_feature(tmp_path: Path) -> None:
    phrases, features = small_searle.write_phrases(tmp_path)
    pool = phrase_pool.load(phrases, features)
    written = files.read_tables(features)
    for name in small_searle.CONCEPTS:
        row = pool.rows[name]
        numbers = range(pool.starts[row], pool.starts[row + 1])
        assert [pool.phrase(number) for number in numbers] == small_searle.phrases_of(name)
        expected = written["features"][written["concept"].to_pylist().index(name)].as_py()
        assert np.array_equal(pool.features[numbers.start : numbers.stop], np.array(expected, dtype=np.float32))


def test_concepts_may_have_different_numbers_of_phrases(tmp_path: Path) -> None:
    texts, features = tmp_path / "p.parquet", tmp_path / "f.parquet"
    files.write_rows(
        texts, [{"concept": "A", "phrases": ["A"]}, {"concept": "B", "phrases": ["B 1", "B 2"]}], schemas.PHRASES
    )
    rows = [{"concept": "A", "features": [[1.0, 0.0]]}, {"concept": "B", "features": [[0.0, 1.0], [0.0, 2.0]]}]
    files.write_rows(features, rows, schemas.phrase_features(2))
    pool = phrase_pool.load([texts], [features])
    assert pool.starts.tolist() == [0, 1, 3]
    assert pool.phrase(2) == "B 2"
    assert pool.features[2].tolist() == [0.0, 2.0]


def test_the_cut_to_the_nearest_concepts_comes_before_the_filter(tmp_path: Path) -> None:
    texts, features = tmp_path / "p.parquet", tmp_path / "f.parquet"
    rows = [{"concept": name, "phrases": [said]} for name, said in (("A", "A"), ("lost", "gone"), ("C", "C"))]
    files.write_rows(texts, rows, schemas.PHRASES)
    rows = [{"concept": name, "features": [[1.0, 0.0]]} for name in ("A", "lost", "C")]
    files.write_rows(features, rows, schemas.phrase_features(2))
    pool = phrase_pool.load([texts], [features])
    assert pool.allowed(["C", "lost", "A"], 2, "image x").tolist() == [2]
    assert pool.allowed(["C", "lost", "A"], 3, "image x").tolist() == [2, 0]
    with pytest.raises(CirqueError, match="image x: none of its 1 nearest concepts occurs in all its phrases"):
        pool.allowed(["lost", "A"], 1, "image x")


def test_a_concept_without_phrases_is_an_error(pool: phrase_pool.PhrasePool) -> None:
    with pytest.raises(CirqueError, match="image x: no phrases for Zebra"):
        pool.allowed(["Cat", "Zebra"], 2, "image x")


def test_features_of_other_phrases_are_an_error(tmp_path: Path) -> None:
    phrases, features = small_searle.write_phrases(tmp_path)
    with pytest.raises(CirqueError, match="are not those of the phrases"):
        phrase_pool.load(phrases, features[::-1])
    with pytest.raises(CirqueError, match="phrase features of 4 concepts for phrases of 6"):
        phrase_pool.load(phrases, features[:1])
    rows = files.read_table(features[0]).to_pylist()
    rows[1]["features"] = rows[1]["features"][:-1]
    files.write_rows(features[0], rows, schemas.phrase_features(small_searle.DIM))
    with pytest.raises(CirqueError, match="are not those of the phrases"):
        phrase_pool.load(phrases, features)


def test_a_concept_is_dropped_when_the_cut_at_the_context_takes_a_placeholder(tmp_path: Path) -> None:
    long, odd = "very old " * 40, "㐂" * 40
    phrases = [
        *("a photo of Cat that runs", "a photo of Cat that is"),
        *(f"a photo of {long}Dog that runs", "a photo of Dog that is"),
        *(f"a photo of {odd} Box that runs", "a photo of Box that is"),
        *(f"a photo of Sun that {long}", f"a photo of {'o' * 80} Sun"),
    ]
    rows = {"Cat": 0, "Dog": 1, "Box": 2, "Sun": 3}
    whole = phrase_pool.PhrasePool(
        rows, np.arange(5) * 2, np.ones(4, bool), pa.chunked_array([phrases]), np.zeros((8, 2))
    )
    kept = phrase_pool.without_cut_placeholders(whole, small_searle.load_backbone(tmp_path), "first")
    assert kept.usable.tolist() == [True, False, False, True]
    assert whole.usable.all()


def test_a_pool_of_prompts_holds_each_concepts_bare_prompt_and_its_feature(tmp_path: Path) -> None:
    backbone = small_searle.load_backbone(tmp_path)
    pool = phrase_pool.of_prompts(small_searle.CONCEPTS, backbone)
    prompts = [f"a photo of {name}" for name in small_searle.CONCEPTS]
    assert [pool.phrase(number) for number in range(6)] == prompts
    assert pool.starts.tolist() == list(range(7))
    assert pool.usable.all()
    expected = plain_text.encode(backbone, prompts)
    expected /= expected.square().sum(1, keepdim=True).sqrt()
    assert pool.features.dtype == np.float32
    assert torch.allclose(torch.from_numpy(pool.features), expected, atol=1e-5)
    assert pool.allowed(["Box", "Cat", "Photo"], 2, "image x").tolist() == [4, 1]
    with pytest.raises(CirqueError, match="image x: no phrases for Zebra"):
        pool.allowed(["Zebra"], 1, "image x")
