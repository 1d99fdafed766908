"""Norms of the noises as LinCIR's appendix shows them, checked against the specification's table (lincir.md §5)."""

import math

import numpy as np
import pytest

from cirque import plots
from cirque.plots import noise_norms

N_SAMPLES = 1500

#: Mean and standard deviation of one sample's norm by dimension.
TABLE = {
    "normal": {768: (27.7, 0.7), 1024: (32.0, 0.7), 1280: (35.8, 0.7)},
    "lincir": {768: (13.7, 8.0), 1024: (16.0, 9.2), 1280: (18.0, 10.2)},
    "uniform": {768: (16.0, 0.3), 1024: (18.5, 0.3), 1280: (20.7, 0.3)},
    "exponential": {768: (39.2, 1.6), 1024: (45.2, 1.6), 1280: (50.6, 1.6)},
    "chi2": {768: (47.9, 2.8), 1024: (55.5, 2.8), 1280: (61.9, 2.8)},
    "student-t": {768: (47, 8), 1024: (55, 9), 1280: (61, 7)},
}


@pytest.mark.parametrize("dim", [768, 1024, 1280])
@pytest.mark.parametrize("noise", TABLE)
def test_means_and_deviations_are_those_of_the_table(noise: str, dim: int):
    norms = noise_norms.norms(noise, dim, N_SAMPLES, seed=0)
    mean, deviation = TABLE[noise][dim]
    # The table's last digit, and four standard errors of our sample of the noise and of the table's.
    rounding = 0.5 if noise == "student-t" else 0.05
    assert np.mean(norms) == pytest.approx(mean, abs=rounding + 8 * deviation / math.sqrt(N_SAMPLES))
    # Student-t of 3 degrees has no fourth moment: the deviation of its norm depends on the sample's largest value.
    heavy = noise == "student-t"
    assert np.std(norms) == pytest.approx(deviation, abs=rounding, rel=0.5 if heavy else 0.1)


def inputs(**changes):
    return plots.Inputs({"dims": {"ViT-L/14": 30, "ViT-H/14": 40}, "n_samples": 5, "seed": 3, **changes}, {})


def test_every_noise_but_none_is_sampled_in_every_dimension():
    rows = noise_norms.rows(inputs())
    assert len(rows) == 2 * 6 * 5
    assert {row["noise"] for row in rows} == set(TABLE)
    assert {(row["backbone"], row["dim"]) for row in rows} == {("ViT-L/14", 30), ("ViT-H/14", 40)}
    assert rows == noise_norms.rows(inputs())
    assert rows != noise_norms.rows(inputs(seed=4))


def test_each_dimension_is_a_panel_and_the_axes_have_units():
    drawing = noise_norms.draw(noise_norms.rows(inputs()))
    assert [axes.get_title(loc="left") for axes in drawing.axes] == [
        "ViT-L/14, 30 dimensions",
        "ViT-H/14, 40 dimensions",
    ]
    assert all("unit of norm" in axes.get_ylabel() for axes in drawing.axes)
    assert "norm of one sample" in drawing.axes[-1].get_xlabel()
    assert len({axes.get_xlim() for axes in drawing.axes}) == 1
