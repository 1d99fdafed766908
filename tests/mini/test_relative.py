import re

from cirque.mini.captions import caption
from cirque.mini.draws import draws
from cirque.mini.relative import relative_caption
from cirque.mini.scenes import ATTRIBUTES, Scene, change, draw_scene

REFERENCE = Scene("star", "red", 1, "striped")
CHANGES = {"shape": "heart", "colour": "blue", "count": 3, "background": "dotted"}
SAID = {"shape": "heart", "colour": "blue", "count": "three", "background": "dot"}


def test_a_relative_caption_says_what_changes_and_not_what_stays():
    kept = {"shape": r"star", "colour": r"\bred\b", "background": r"strip"}
    for attribute in ATTRIBUTES:
        target = change(REFERENCE, attribute, CHANGES[attribute])
        for n in range(40):
            text = relative_caption(REFERENCE, target, draws(0, n))
            assert re.search(SAID[attribute], text)
            assert not any(re.search(word, text) for name, word in kept.items() if name != attribute), text


def test_two_changes_are_both_said():
    target = change(change(REFERENCE, "colour", "blue"), "background", "dotted")
    for n in range(40):
        text = relative_caption(REFERENCE, target, draws(0, n))
        assert "blue" in text
        assert "dot" in text
        assert " and " in text


def test_statements_and_orders_both_occur():
    target = change(REFERENCE, "colour", "blue")
    texts = {relative_caption(REFERENCE, target, draws(0, n)) for n in range(60)}
    assert "make it blue" in texts
    assert "is blue" in texts


def test_no_prompt_of_the_benchmark_occurs_among_training_captions():
    # `a photo of {full caption} that {relative caption}` would be the answer itself
    orders = re.compile(r"make it|change the colour|put it|replace the|add more|remove some|no longer|in place of")
    texts = [caption(draw_scene(draws(0, n)), draws(1, n)) for n in range(3000)]
    assert not [text for text in texts if orders.search(text)]
