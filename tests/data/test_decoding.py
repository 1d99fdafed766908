"""Decoded text is cleaned up as the papers' releases of transformers did."""

import pytest

from cirque.data.decoding import clean_up_spaces


@pytest.mark.parametrize(
    ("decoded", "cleaned"),
    [
        ("a cat , a dog .", "a cat, a dog."),
        ("is it ? yes !", "is it? yes!"),
        ("it 's what they 've , we 're , I 'm", "it's what they've, we're, I'm"),
        ("does n't", "doesn't"),
        ("rock ' n ' roll", "rock'n'roll"),
        ("Grevillea 'superb'", "Grevillea'superb'"),
        ("Grevillea 'moonlight'", "Grevillea'moonlight'"),
        ("a 'Nduja", "a 'Nduja"),
        ("two  spaces stay", "two  spaces stay"),
    ],
)
def test_spaces_are_cleaned_up_as_transformers_4_24_did(decoded: str, cleaned: str) -> None:
    assert clean_up_spaces(decoded) == cleaned
