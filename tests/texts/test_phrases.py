from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cirque.data.decoding import clean_up_spaces
from cirque.texts import language_model, phrases
from cirque.texts.concepts import read_vocabulary
from cirque.texts.phrase_pool import is_usable

SETTINGS = phrases.Settings(n_phrases=6, temperature=0.5, top_k=50, no_repeat_ngram_size=2, max_length=20)


@pytest.fixture(scope="module")
def speaker() -> language_model.LanguageModel:
    sentences = [f"a photo of {name} that is {word} and wet" for name in ("Cat", "Box") for word in ("red", "old")]
    settings = language_model.Settings(layers=1, width=16, heads=2, epochs=60, batch=4, learning_rate=0.02)
    return language_model.train(sentences, settings, 0, torch.device("cpu"))


class Recorded:
    """Keeps what `generate` is asked for."""

    def __init__(self, speaker: language_model.LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[dict[str, Any]] = []
        generate = speaker.model.generate

        def record(**asked: Any) -> Any:
            self.asked.append(asked)
            return generate(**asked)

        monkeypatch.setattr(speaker.model, "generate", record)


def test_sampling_is_that_of_the_released_code(
    speaker: language_model.LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = Recorded(speaker, monkeypatch)
    released = phrases.Settings(n_phrases=256, temperature=0.5, top_k=50, no_repeat_ngram_size=2, max_length=35)
    said = phrases.continuations("Cat", speaker, released, 0)
    (asked,) = recorded.asked
    assert speaker.tokenizer.decode(asked.pop("input_ids")[0]) == "a photo of Cat that"
    assert asked.pop("attention_mask").all()
    assert asked == {
        "do_sample": True,
        "num_return_sequences": 256,
        "temperature": 0.5,
        "top_k": 50,
        "top_p": 1.0,
        "repetition_penalty": 1.0,
        "no_repeat_ngram_size": 2,
        "max_length": 35,
        "pad_token_id": speaker.tokenizer.eos_token_id,
    }
    assert len(said) == 256
    assert len(set(said)) > 1


def test_every_phrase_begins_with_the_prompt_and_fits_the_length(speaker: language_model.LanguageModel) -> None:
    said = phrases.continuations("Box", speaker, SETTINGS, 0)
    assert all(phrase.startswith("a photo of Box that") for phrase in said)
    assert max(len(speaker.tokenizer(phrase)["input_ids"]) for phrase in said) <= SETTINGS.max_length


def test_phrases_depend_on_seed_and_concept_and_not_on_what_was_sampled_before(
    speaker: language_model.LanguageModel,
) -> None:
    cat = phrases.continuations("Cat", speaker, SETTINGS, 0)
    box = phrases.continuations("Box", speaker, SETTINGS, 0)
    torch.rand(3)
    assert phrases.continuations("Box", speaker, SETTINGS, 0) == box
    assert phrases.continuations("Cat", speaker, SETTINGS, 0) == cat
    assert phrases.continuations("Cat", speaker, SETTINGS, 1) != cat
    assert [phrase.replace("Box", "Cat") for phrase in box] != cat


def test_sampling_leaves_the_callers_random_numbers_alone(speaker: language_model.LanguageModel) -> None:
    before = torch.random.get_rng_state()
    phrases.continuations("Cat", speaker, SETTINGS, 0)
    assert torch.equal(before, torch.random.get_rng_state())


def test_a_prompt_without_room_for_a_further_token_is_its_own_phrase(
    speaker: language_model.LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = Recorded(speaker, monkeypatch)
    name = "Llanfairpwllgwyngyllgogerychwyrndrobwll"
    assert phrases.continuations(name, speaker, SETTINGS, 0) == [f"a photo of {name} that"] * 6
    assert not recorded.asked


def test_a_model_that_says_nothing_more_gives_the_prompt(
    speaker: language_model.LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = speaker.tokenizer.eos_token_id
    monkeypatch.setattr(
        speaker.model,
        "generate",
        lambda **asked: torch.cat([asked["input_ids"], torch.tensor([[end, end]])], dim=1).repeat(6, 1),
    )
    assert phrases.continuations("Cat", speaker, SETTINGS, 0) == ["a photo of Cat that"] * 6


@pytest.mark.parametrize(
    ("decoded", "tidied"),
    [
        ("one\ntwo", "one. two"),
        ("one\n\n\ntwo", "one. two"),
        ("one.\ntwo", "one. two"),
        ("so...", "so."),
        ("so. . .", "so. . ."),
        ("end\n", "end. "),
    ],
)
def test_line_ends_become_sentences_and_runs_of_dots_one_dot(decoded: str, tidied: str) -> None:
    assert phrases.tidy(decoded) == tidied


def test_exactly_two_open_images_names_are_lost_to_the_clean_up(annotations: Path) -> None:
    names = read_vocabulary(annotations / "openimages" / "oidv7-class-descriptions.csv")
    prompts = {name: phrases.tidy(clean_up_spaces(phrases.PROMPT.format(concept=name))) for name in names}
    lost = [name for name, prompt in prompts.items() if not is_usable(name, [prompt])]
    assert lost == ["Grevillea 'moonlight'", "Grevillea 'superb'"]


def test_no_open_images_name_occurs_before_its_slot_in_the_prompt(annotations: Path) -> None:
    names = read_vocabulary(annotations / "openimages" / "oidv7-class-descriptions.csv")
    assert {phrases.PROMPT.format(concept=name).index(name) for name in names} == {len("a photo of ")}


@given(n_items=st.integers(1, 200), n_parts=st.integers(1, 40))
def test_parts_hold_every_item_once_and_in_order(n_items: int, n_parts: int) -> None:
    items = [str(number) for number in range(n_items)]
    parts = [phrases.part_of(items, part, n_parts) for part in range(n_parts)]
    assert [item for part in parts for item in part] == items
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
