from pathlib import Path

import pytest

from cirque.stages import train_language_model
from cirque.stages.sample_phrases import main
from cirque.store import files, provenance
from cirque.texts.language_model import Settings as ModelSettings
from cirque.texts.phrases import Settings
from tests import small_searle

SETTINGS = Settings(n_phrases=5, temperature=0.5, top_k=50, no_repeat_ngram_size=2, max_length=40)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    lines = [f"a photo of {name} that is {word}\n" for name in small_searle.CONCEPTS for word in ("red", "old")]
    (folder / "corpus.txt").write_text("".join(lines))
    train_language_model.main(
        corpus=folder / "corpus.txt",
        settings=ModelSettings(layers=1, width=16, heads=2, epochs=20, batch=4, learning_rate=0.02),
        seed=0,
        output=folder / "model",
        threads=1,
        device="cpu",
    )
    return folder / "model"


def run(model: Path, folder: Path, part: int, n_parts: int) -> list[dict[str, object]]:
    output = folder / f"{part}-of-{n_parts}.parquet"
    main(
        vocabulary=small_searle.write_vocabulary(folder / "classes.csv"),
        model=model,
        settings=SETTINGS,
        part=part,
        n_parts=n_parts,
        seed=0,
        output=output,
        threads=1,
        device="cpu",
    )
    return files.read_table(output).to_pylist()


def test_how_the_vocabulary_is_divided_changes_no_phrase(model: Path, tmp_path: Path) -> None:
    whole = run(model, tmp_path, 0, 1)
    assert [row["concept"] for row in whole] == small_searle.CONCEPTS
    assert {len(row["phrases"]) for row in whole} == {5}
    assert [row for part in range(3) for row in run(model, tmp_path, part, 3)] == whole


def test_more_parts_than_concepts_leave_parts_empty(model: Path, tmp_path: Path) -> None:
    parts = [run(model, tmp_path, part, 8) for part in range(8)]
    assert sorted(map(len, parts)) == [0, 0, 1, 1, 1, 1, 1, 1]


def test_the_models_files_are_on_record(model: Path, tmp_path: Path) -> None:
    run(model, tmp_path, 0, 6)
    assert {model / "model.safetensors", model / "tokenizer.json", model / "config.json"} <= set(provenance._read)
