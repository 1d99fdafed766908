from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError

from cirque.errors import CirqueError
from cirque.texts import language_model

CPU = torch.device("cpu")
SETTINGS = language_model.Settings(layers=1, width=16, heads=2, epochs=10, batch=8, learning_rate=0.02)
SENTENCES = [f"a photo of {name} that is {colour}" for name in ("Cat", "Box") for colour in ("red", "blue")] * 25


@pytest.fixture(scope="module")
def trained() -> language_model.LanguageModel:
    return language_model.train(SENTENCES, SETTINGS, 0, CPU)


def test_it_learns_to_continue_a_prompt(trained: language_model.LanguageModel) -> None:
    ids = trained.tokenizer("a photo of Box that", return_tensors="pt")["input_ids"]
    said = trained.model.generate(ids, do_sample=False, max_new_tokens=5, pad_token_id=0)
    assert trained.tokenizer.decode(said[0], skip_special_tokens=True) in SENTENCES


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(
    trained: language_model.LanguageModel,
) -> None:
    again = language_model.train(SENTENCES, SETTINGS, 0, CPU).model.state_dict()
    other = language_model.train(SENTENCES, SETTINGS, 1, CPU).model.state_dict()
    first = trained.model.state_dict()
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["transformer.wte.weight"], other["transformer.wte.weight"])


def test_training_leaves_the_callers_random_numbers_alone() -> None:
    before = torch.random.get_rng_state()
    language_model.train(SENTENCES[:8], SETTINGS, 0, CPU)
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize("text", ["a photo of Grevillea 'moonlight' that", "día de los Muertos 💀", "  two  spaces ."])
def test_the_tokenizer_gives_any_text_back_unchanged(text: str, trained: language_model.LanguageModel) -> None:
    assert trained.tokenizer.decode(trained.tokenizer(text)["input_ids"]) == text


def test_words_of_the_corpus_are_single_tokens(trained: language_model.LanguageModel) -> None:
    assert len(trained.tokenizer(SENTENCES[0])["input_ids"]) == len(SENTENCES[0].split())


def test_every_sentence_of_the_corpus_is_seen_once_an_epoch() -> None:
    ids = [[number] * (1 + number % 7) for number in range(100)]
    batches = language_model._batches(ids, 4, torch.Generator().manual_seed(0))
    rows = [[int(i) for i in row if i != -100] for batch in batches for row in batch]
    assert sorted(rows) == sorted(ids)


def test_a_loss_that_is_not_finite_is_an_error() -> None:
    wild = language_model.Settings(layers=1, width=16, heads=2, epochs=3, batch=8, learning_rate=1e30)
    with pytest.raises(CirqueError, match=r"the loss is .*lower language_model\.learning_rate"):
        language_model.train(SENTENCES, wild, 0, CPU)


def test_a_width_that_the_heads_do_not_divide_is_an_error() -> None:
    odd = language_model.Settings(layers=1, width=15, heads=2, epochs=1, batch=8, learning_rate=0.01)
    with pytest.raises(CirqueError, match="width 15 is no multiple of heads 2"):
        language_model.train(SENTENCES, odd, 0, CPU)


def test_a_saved_model_says_the_same_and_holds_no_pickle(trained: language_model.LanguageModel, tmp_path: Path) -> None:
    language_model.save(tmp_path, trained)
    assert {file.suffix for file in tmp_path.iterdir()} == {".json", ".safetensors"}
    loaded = language_model.load(tmp_path, CPU)
    ids = trained.tokenizer("a photo of Cat that", return_tensors="pt")["input_ids"]
    assert torch.equal(loaded.model(ids).logits, trained.model(ids).logits)


def test_a_full_disk_is_an_error_of_the_system(
    trained: language_model.LanguageModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise SafetensorError("I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(trained.model, "save_pretrained", full)
    with pytest.raises(OSError, match="No space left"):
        language_model.save(tmp_path, trained)


def test_a_folder_without_a_model_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CirqueError, match="holds no language model"):
        language_model.load(tmp_path, CPU)


def test_a_model_that_was_cut_short_is_an_error(trained: language_model.LanguageModel, tmp_path: Path) -> None:
    language_model.save(tmp_path, trained)
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(CirqueError, match="could not be loaded"):
        language_model.load(tmp_path, CPU)


@pytest.mark.parametrize(
    ("content", "message"), [(b"", "holds no sentence"), (b"\n \n", "holds no sentence"), (b"d\xeda", "not UTF-8")]
)
def test_a_broken_corpus_is_an_error(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "corpus.txt").write_bytes(content)
    with pytest.raises(CirqueError, match=message):
        language_model.read_corpus(tmp_path / "corpus.txt")


def test_a_missing_corpus_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CirqueError, match="no such file"):
        language_model.read_corpus(tmp_path / "corpus.txt")
