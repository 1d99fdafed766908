from pathlib import Path

import pytest

from cirque.errors import CirqueError
from cirque.stages.train_tagger import main
from cirque.store import files, provenance
from cirque.texts import tagger
from tests.small_tagger import SETTINGS


def run(output: Path, **changes: object) -> None:
    settings = tagger.Settings(**{**vars(SETTINGS), **changes})
    main(settings=settings, n_sentences=400, n_held_out=100, seed=0, output=output)


def test_the_tagger_learns_the_grammar_and_says_how_well(tmp_path: Path) -> None:
    run(tmp_path / "tagger")
    stated = files.read_json(tmp_path / "tagger" / "accuracy.json")
    assert stated["accuracy"] >= 0.99
    assert (stated["n_sentences"], stated["n_held_out"], stated["seed"]) == (400, 100, 0)
    nlp = tagger.load(str(tmp_path / "tagger"))
    assert nlp.pipe_names == ["tok2vec", "morphologizer"]


def test_equal_inputs_give_equal_bytes_and_all_are_on_record(tmp_path: Path) -> None:
    run(tmp_path / "one")
    run(tmp_path / "two")
    assert provenance.sha256(tmp_path / "one") == provenance.sha256(tmp_path / "two")
    written = {path for path in (tmp_path / "one").rglob("*") if path.is_file()}
    assert written <= set(provenance._written)


def test_a_tagger_that_learned_too_little_is_an_error_and_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(CirqueError, match=r"of the held-out words are right, 99% are needed; raise tagger\.epochs"):
        run(tmp_path / "tagger", learning_rate=1e-6)
    assert list(tmp_path.iterdir()) == []
