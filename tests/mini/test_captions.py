import re
from itertools import product

from cirque.mini.captions import caption, clause, full_caption, noun
from cirque.mini.draws import draws
from cirque.mini.scenes import ATTRIBUTES, BACKGROUNDS, COLOURS, COUNTS, SHAPES, Scene, draw_scene


def test_full_captions_tell_all_scenes_apart():
    scenes = [Scene(*values) for values in product(SHAPES, COLOURS, COUNTS, BACKGROUNDS)]
    assert len({full_caption(scene) for scene in scenes}) == len(scenes)


def test_full_caption_reads_as_english():
    assert full_caption(Scene("star", "red", 3, "striped")) == "a photo of three red stars on a striped background"
    assert full_caption(Scene("box", "red", 1, "dark")) if "box" in SHAPES else True
    assert full_caption(Scene("fish", "orange", 1, "dark")) == "a photo of one orange fish on a dark background"


def test_captions_of_one_scene_vary_and_are_seldom_complete():
    scene = Scene("star", "red", 3, "striped")
    texts = [caption(scene, draws(0, n)) for n in range(300)]
    assert len(set(texts)) > 150
    # a complete one names the noun, the colour, the number and the background
    complete = [t for t in texts if re.search(r"three.*red.*star.*strip", t)]
    assert 0.05 < len(complete) / len(texts) < 0.6


def test_captions_never_name_a_wrong_colour_without_saying_that_it_is_wrong():
    denials = ("instead of", "rather than", "not", "painted", "turned")
    for n in range(500):
        scene = draw_scene(draws(0, n))
        text = caption(scene, draws(1, n))
        wrong = [c for c in COLOURS if c != scene.colour and re.search(rf"\b{c}\b", text)]
        assert not wrong or any(word in text for word in denials), (scene, text)


def test_an_article_fits_its_word():
    for n in range(500):
        text = caption(draw_scene(draws(0, n)), draws(1, n))
        assert not re.search(r"\ba [aeiou]|\ban [^aeiou]", text), text


def test_a_clause_says_the_attribute_of_the_scene():
    scene = Scene("heart", "blue", 2, "dotted")
    words = {"shape": "heart|valentine", "colour": "blue", "count": "two", "background": "dot"}
    for attribute in ATTRIBUTES:
        for n in range(50):
            assert re.search(words[attribute], clause(scene, attribute, True, draws(0, n)))


def test_the_plain_noun_is_used_without_draws():
    assert noun("square", plural=True) == "squares"
