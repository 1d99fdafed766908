"""Plots are modules found by name; both configurations draw all of them."""

import pyarrow as pa
import pytest

from cirque import plots
from cirque.errors import CirqueError
from cirque.plan import plots as plan_plots
from cirque.store import schemas
from tests.configurations import whole
from tests.conftest import REPOSITORY

#: Plots of TIRG, which tests/workflow/tiny.yaml does not run.
OF_TIRG = {"css_scenes", "reconstruction"}


@pytest.mark.parametrize(
    ("name", "without"), [("config/config", set()), ("config/paper", set()), ("tests/workflow/tiny", OF_TIRG)]
)
def test_every_plot_is_an_entry_of_every_configuration(name: str, without: set[str]):
    config = whole(REPOSITORY / f"{name}.yaml")
    assert set(plan_plots.names(config)) == set(plots.names()) - without


def test_every_plot_has_a_schema_of_its_own():
    known = [value for value in vars(schemas).values() if isinstance(value, pa.Schema)]
    assert all(plots.load(plot).SCHEMA in known for plot in plots.names())


def test_a_plot_that_is_none_is_named_with_those_that_are():
    with pytest.raises(CirqueError, match=r"no plot is called 'pie'; there are css_scenes, domains, noise_norms"):
        plots.load("pie")
