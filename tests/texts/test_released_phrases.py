"""Phrases as released: the file that is meant, with every concept's phrases, and nothing of it run."""

import os
import pickle
from pathlib import Path

import pytest

from cirque.errors import CirqueError
from cirque.stages import take_phrases
from cirque.store import files, provenance
from cirque.texts import released_phrases

CONCEPTS = ["Tortoise", "Grevillea 'moonlight'", "Cat"]


def released(path: Path, content: object) -> Path:
    path.write_bytes(pickle.dumps(content))
    return path


def phrases(n: int = 2) -> dict[str, list[str]]:
    return {concept: [f"a photo of {concept} that runs {i}" for i in range(n)] for concept in reversed(CONCEPTS)}


def read(path: Path, n_phrases: int = 2) -> list[list[str]]:
    return released_phrases.read(path, provenance.bytes_sha256(path), CONCEPTS, n_phrases)


def test_phrases_come_in_the_order_of_the_vocabulary(tmp_path: Path):
    assert read(released(tmp_path / "p.pkl", phrases())) == [phrases()[concept] for concept in CONCEPTS]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (["a photo"], "holds no dictionary of concepts and phrases"),
        ({**phrases(), "Cat": None}, "'Cat': its phrases are no list of texts"),
        ({**phrases(), "Cat": ["a photo of Cat", 5]}, "'Cat': its phrases are no list of texts"),
        (
            {**phrases(), "Cat": ["a photo of Cat"]},
            "'Cat': has 1 phrases, and phrases.n_phrases of the configuration is 2",
        ),
        ({"Cat": phrases()["Cat"]}, r"has no phrases of 2 of 3 concepts \(Tortoise, Grevillea 'moonlight'\)"),
        (os.system, "its pickle names posix.system"),
    ],
)
def test_what_is_not_the_released_dictionary_is_refused(content: object, message: str, tmp_path: Path):
    with pytest.raises(CirqueError, match=message):
        read(released(tmp_path / "p.pkl", content))


def test_another_file_is_refused_before_it_is_read(tmp_path: Path):
    path = released(tmp_path / "p.pkl", os.system)
    with pytest.raises(CirqueError, match=r"p\.pkl: has the sha256 [0-9a-f]{64} instead of 0{64}"):
        released_phrases.read(path, "0" * 64, CONCEPTS, 2)


def test_a_missing_file_says_where_it_is_to_be_had(tmp_path: Path):
    with pytest.raises(CirqueError, match=r"none\.pkl: no such file; see docs/data.md#released-phrases"):
        released_phrases.read(tmp_path / "none.pkl", "0" * 64, CONCEPTS, 2)


def test_each_part_of_the_vocabulary_has_its_file(tmp_path: Path):
    vocabulary = tmp_path / "classes.csv"
    vocabulary.write_text("LabelName,DisplayName\n" + "".join(f"/m/{i},{name}\n" for i, name in enumerate(CONCEPTS)))
    path, outputs = released(tmp_path / "p.pkl", phrases()), [tmp_path / "0.parquet", tmp_path / "1.parquet"]
    take_phrases.main(
        vocabulary=vocabulary, released=path, sha256=provenance.bytes_sha256(path), n_phrases=2, phrases=outputs
    )
    rows = [row for output in outputs for row in files.read_table(output).to_pylist()]
    assert [row["concept"] for row in rows] == CONCEPTS
    assert {row["concept"]: row["phrases"] for row in rows} == phrases()
