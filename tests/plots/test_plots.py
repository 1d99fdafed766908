"""Plots are modules found by name; both configurations draw all of them."""

import pytest

from cirque import plots
from cirque.errors import CirqueError
from cirque.plan import plots as plan_plots
from cirque.store import schemas
from tests.configurations import whole
from tests.conftest import REPOSITORY


@pytest.mark.parametrize("name", ["config/config", "config/paper", "tests/workflow/tiny"])
def test_every_plot_is_an_entry_of_every_configuration(name: str):
    config = whole(REPOSITORY / f"{name}.yaml")
    assert sorted(plan_plots.names(config)) == plots.names()
    for plot in plots.names():
        assert plots.load(plot).SCHEMA in (schemas.NOISE_NORMS, schemas.TIMED_SCORES, schemas.BARS)


def test_a_plot_that_is_none_is_named_with_those_that_are():
    with pytest.raises(CirqueError, match=r"no plot is called 'pie'; there are domains, noise_norms, training_time"):
        plots.load("pie")
