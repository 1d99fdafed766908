"""A table as LaTeX: the paper's layout, marks within a backbone, and texts that LaTeX prints as they are."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from cirque.report import latex
from tests.report.test_layout import row

SOURCE = {"paper": "SEARLE", "table": "Table 2", "verdict": "mini"}


def figures(**of_method):
    """Figures of R@1 of methods in one backbone: [measured]."""
    return [
        row(
            method=name.lower(),
            row=name.replace("_", " "),
            metric="R@1",
            measured=value,
            published=None,
            paper="",
            table="",
        )
        for name, value in of_method.items()
    ]


def line(text, label):
    (found,) = [line for line in text.splitlines() if f"& {label} &" in line]
    return found


def test_the_best_of_a_backbone_is_bold_and_the_second_underlined_by_what_is_shown():
    text = latex.show(figures(A=10.001, B=10.004, C=9.0, D=8.0))
    assert r"\textbf{10.00}" in line(text, "A")
    assert r"\textbf{10.00}" in line(text, "B")
    assert r"\underline{9.00}" in line(text, "C")
    assert line(text, "D").endswith(r"& D & 8.00 \\")


def test_the_best_accuracy_is_bold():
    rows = [{**figure, "metric": "accuracy"} for figure in figures(A=14.2, B=13.1)]
    assert r"\textbf{14.20}" in line(latex.show(rows), "A")


def test_a_method_alone_and_a_bound_have_no_mark():
    bound = row(method="top", row="Top", table="upper bound", paper="", metric="R@1", measured=99.0, published=None)
    text = latex.show([*figures(A=10.0), bound])
    assert "textbf" not in text
    assert r"\textit{Top} & 99.00" in text


def test_intervals_deviations_and_published_figures_stand_where_they_are_asked_for():
    rows = [row(**SOURCE, method="a", row="A", metric="R@1", measured=10.0, published=11.5, ci_low=8.0, ci_high=12.0)]
    assert "[8.0--12.0]" in latex.show(rows, aside="interval")
    assert r"\quad SEARLE Table 2 & 11.50" in latex.show(rows, published=True)
    plain = latex.show(rows)
    assert "8.0" not in plain
    assert "11.50" not in plain
    several = [{**rows[0], "std": 0.25, "n_seeds": 3}]
    assert r"$\pm$ 0.25" in latex.show(several, aside="std")


def test_what_latex_reads_as_its_own_is_escaped():
    assert latex.escape(r"50 % & $x_1 #{a}~^\ φ|") == (
        r"50 \% \& \$x\_1 \#\{a\}\textasciitilde{}\textasciicircum{}\textbackslash{} $\phi$\textbar{}"
    )


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no TeX is installed here")
@pytest.mark.parametrize("aside", ["none", "interval", "std"])
def test_a_real_tex_compiles_it(tmp_path: Path, aside):
    rows = [
        row(**SOURCE, method=name, row=f"{name} & 50 % $_#{{}}~^\\ φ λ ± × – † |", subset=subset, metric=metric,
            measured=10.0, published=11.5, ci_low=8.0, ci_high=12.0, std=0.3, n_seeds=3)
        for name in ("a", "b") for subset in ("Dress", "Average") for metric in ("R@10", "R_subset@1")
    ]  # fmt: skip
    text = latex.show(rows, aside=aside, published=True)
    document = rf"\documentclass{{article}}\usepackage{{booktabs}}\begin{{document}}{text}\end{{document}}"
    (tmp_path / "table.tex").write_text(document, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "table.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    assert not re.search(r"Missing character|undefined", done.stdout)
