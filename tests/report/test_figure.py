"""A drawing is one file that anything shows; within the page it takes the page's colours."""

import re
import xml.etree.ElementTree as ET

from cirque.report import chart, figure, page


def drawn():
    drawing, (axes,) = figure.panels(1, 1, height=2.0, n_labels=1)
    axes.plot([1, 2], [3, 4], color=figure.PALETTE[0], label="line <one>")
    axes.set_xlabel("seconds")
    figure.legend(drawing, axes)
    figure.note_scale(drawing, [{"scale": "mini", "comparable": False}])
    return drawing


def svg(title='Time & "score"'):
    return figure.to_svg(drawn, title)


def test_it_is_well_formed_and_refers_to_nothing_outside_itself():
    text = svg()
    root = ET.fromstring(text)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    addresses = set(re.findall(r"https?://[^\"' >]+", text))
    assert addresses == {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}  # names, not addresses
    assert not re.search(r"<!DOCTYPE|<script|<image|@import", text)


def test_its_words_are_text_and_its_title_is_stated():
    text = svg()
    root = ET.fromstring(text)
    words = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"seconds", "line <one>", "Scale mini: not comparable with the papers' figures"} <= set(words)
    assert root[0].text == 'Time & "score"'
    assert figure.title_of(text) == "Time &amp; &quot;score&quot;"
    assert figure.title_of("<svg></svg>") == ""


def test_equal_drawings_have_equal_bytes():
    assert svg() == svg()


def test_its_colours_are_those_of_the_page():
    light = page.PARTS[1].read_text(encoding="utf-8").partition("@media")[0]
    for colour, variable in figure.VARIABLES.items():
        assert f"{variable[4:-1]}: {colour};" in light


def test_within_a_page_it_follows_the_readers_setting_under_ids_of_its_own():
    text = figure.inlined(svg(), "plot-time")
    assert text.startswith('<svg role="img" aria-label="Time &amp; &quot;score&quot;" viewBox=')
    assert not any(colour in text for colour in figure.VARIABLES)
    assert "var(--paper)" in text
    assert figure.PALETTE[0] in text
    ids = re.findall(r'\bid="([^"]*)"', text)
    assert ids
    assert all(name.startswith("plot-time-") for name in ids)
    assert "<title" not in text
    assert "xmlns" not in text


def test_one_look_is_that_of_the_charts():
    assert [chart.mark(place)[0] for place in range(len(chart.MARKS))] == figure.MARKS_OF_SOURCES
