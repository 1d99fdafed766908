from pathlib import Path

import pytest

from cirque.errors import CirqueError
from cirque.stages.train_language_model import main
from cirque.store import provenance
from cirque.texts.language_model import Settings

SENTENCES = "a photo of Cat that is red\na photo of Box that is blue\n" * 8


def run(corpus: Path, output: Path, learning_rate: float = 0.01) -> None:
    settings = Settings(layers=1, width=16, heads=2, epochs=1, batch=4, learning_rate=learning_rate)
    main(corpus=corpus, settings=settings, seed=0, output=output, threads=1, device="cpu")


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "corpus.txt"
    path.write_text(SENTENCES)
    return path


def test_equal_inputs_give_equal_bytes(corpus: Path, tmp_path: Path) -> None:
    run(corpus, tmp_path / "one")
    run(corpus, tmp_path / "two")
    assert provenance.sha256(tmp_path / "one") == provenance.sha256(tmp_path / "two")


def test_a_second_run_takes_the_place_of_the_first(corpus: Path, tmp_path: Path) -> None:
    output = tmp_path / "model"
    output.mkdir()
    (output / "old.txt").write_text("of an earlier run")
    run(corpus, output)
    assert not (output / "old.txt").exists()
    assert (output / "model.safetensors").is_file()


def test_a_training_that_fails_leaves_no_folder(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(CirqueError, match="the loss is"):
        run(corpus, tmp_path / "model", learning_rate=1e30)
    assert [path.name for path in tmp_path.iterdir()] == ["corpus.txt"]


def test_every_file_of_the_model_is_on_record(corpus: Path, tmp_path: Path) -> None:
    output = tmp_path / "model"
    run(corpus, output)
    assert set(output.iterdir()) <= set(provenance._written)
