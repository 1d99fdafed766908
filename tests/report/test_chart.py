"""The chart: one panel a backbone, coloured and lettered by the page, equal figures equal bytes."""

from cirque.report import chart, layout
from tests.report.test_layout import ROWS


def panel(name="panel0"):
    (split, _) = layout.lay_out(ROWS)
    return chart.panel(split.blocks[0], "R@1", split.sources, 'R@1 <of> "CIRR"', name)


def test_every_line_with_a_figure_is_named():
    svg = panel()
    assert all(f">{label}</text>" in svg for label in ("PALAVRA", "SEARLE", "Upper bound"))


def test_a_long_name_is_cut_where_the_chart_has_no_more_room():
    assert chart.shortened("SEARLE-OTI") == "SEARLE-OTI"
    cut = chart.shortened("SEARLE-XL (phi pre-trained on FashionIQ train images)")
    assert cut.startswith("SEARLE-XL (phi")
    assert cut.endswith("…")
    assert len(cut) <= chart.LONGEST_LABEL


def test_colours_and_fonts_are_the_pages():
    svg = panel()
    for variable in ("--measured", "--bound", "--published", "--ink", "--muted", "--rule", "--paper"):
        assert f"var({variable})" in svg
    assert "#0000a" not in svg
    assert "font-family" not in svg
    assert "<style" not in svg


def test_a_screen_reader_hears_its_title():
    assert panel().startswith('<svg role="img" aria-label="R@1 &lt;of&gt; &quot;CIRR&quot;" viewBox=')


def test_equal_figures_give_equal_bytes_under_ids_of_their_own():
    assert panel() == panel()
    assert panel("panel0").replace("panel0-", "panel1-") == panel("panel1")


def test_every_source_has_the_sign_of_the_mark_that_is_drawn_for_it():
    """Also where there are more sources than marks, as FashionIQ's papers."""
    sources = [f"paper {number}" for number in range(len(chart.MARKS) + 3)]
    signs = dict(chart.MARKS)
    for place, (source, sign) in enumerate(chart.legend(sources)):
        assert source == sources[place]
        assert sign == signs[chart.mark(place)[0]]
    assert len(signs) == len(set(signs.values())) == len(chart.MARKS)
