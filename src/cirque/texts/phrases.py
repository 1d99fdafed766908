"""Phrases: what a language model says of a concept (SEARLE §3.1, settings of the released code).

`python -m cirque sample_phrases --vocabulary oidv7-class-descriptions.csv --model results/…/language_model --part 0 …`

Each concept's prompt `a photo of {concept} that` is continued `n_phrases` times by sampling. The draws are
seeded by the concept, so how a vocabulary is divided among jobs changes no phrase.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from cirque import draws
from cirque.data.decoding import clean_up_spaces
from cirque.texts.language_model import LanguageModel

#: What the language model continues. The released code ends it with "that"; the paper leaves the word out.
PROMPT = "a photo of {concept} that"


@dataclass(frozen=True)
class Settings:
    """Sampling of the phrases."""

    n_phrases: int
    temperature: float
    top_k: int
    no_repeat_ngram_size: int
    max_length: int


def part_of(items: Sequence[str], part: int, n_parts: int) -> list[str]:
    """The items of one of `n_parts` jobs: item i of n belongs to part ⌊i · n_parts / n⌋."""
    return [item for i, item in enumerate(items) if i * n_parts // len(items) == part]


def tidy(text: str) -> str:
    """Write a decoded continuation on one line: runs of line ends become `. `, then runs of dots one dot."""
    return re.sub(r"\.+", ".", re.sub(r"\n+", ". ", text))


def continuations(concept: str, language_model: LanguageModel, settings: Settings, seed: int) -> list[str]:
    """Sample the phrases of one concept; each begins with the prompt.

    A prompt that leaves no room for a further token (`max_length` counts it) is its own and only phrase,
    repeated `n_phrases` times: so every concept has phrases, and equally many.
    """
    tokenizer = language_model.tokenizer
    prompt = PROMPT.format(concept=concept)
    ids = tokenizer(prompt, return_tensors="pt", return_token_type_ids=False)
    if ids["input_ids"].shape[1] >= settings.max_length:
        return [tidy(clean_up_spaces(prompt))] * settings.n_phrases
    cuda = [language_model.device] if language_model.device.type == "cuda" else []
    with torch.no_grad(), torch.random.fork_rng(devices=cuda):
        torch.manual_seed(draws.seed_of(seed, concept))
        sequences = language_model.model.generate(
            **ids.to(language_model.device),
            do_sample=True,
            num_return_sequences=settings.n_phrases,
            temperature=settings.temperature,
            top_k=settings.top_k,
            top_p=1.0,
            repetition_penalty=1.0,
            no_repeat_ngram_size=settings.no_repeat_ngram_size,
            max_length=settings.max_length,
            pad_token_id=tokenizer.eos_token_id,
        )
    decoded = tokenizer.batch_decode(sequences, skip_special_tokens=True, clean_up_tokenization_spaces=False)
    return [tidy(clean_up_spaces(phrase)) for phrase in decoded]
