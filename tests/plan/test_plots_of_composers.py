"""The plot of composed features as pictures: whose composers it decodes, and when it is left out."""

from cirque.plan import plots
from tests.configurations import configured

MINI = configured("config")
PLOT = "reconstruction"


def test_it_decodes_the_composer_of_each_method_on_its_benchmark():
    found = plots.decoded(MINI, PLOT)
    assert list(found) == MINI["plots"][PLOT]["methods"]
    assert {tuple(composer) for composer in found.values()} == {("training", "method", "backbone", "seed")}
    assert plots.settings(MINI, PLOT)["labels"] == {
        composer["method"]: MINI["methods"][method]["label"] for method, composer in found.items()
    }
    assert plots.decoded(MINI, "domains") == {}


def test_it_is_left_out_where_its_data_are_missing_or_no_table_lists_its_runs():
    assert PLOT in plots.names(MINI)
    for section, name in (("benchmarks", "css_3d"), ("methods", "film"), ("backbones", "mini-resnet")):
        assert PLOT not in plots.names({**MINI, "missing": {section: {name: "images: no css/images/ below data"}}})
    others = {name: entry for name, entry in MINI["tables"].items() if not name.startswith("tirg")}
    assert PLOT not in plots.names({**MINI, "tables": others})


def test_a_model_that_methods_share_is_that_of_the_first():
    plot = {**MINI["plots"][PLOT], "methods": ["tirg-last-conv"]}
    config = {**MINI, "plots": {**MINI["plots"], PLOT: plot}}
    assert plots.decoded(config, PLOT)["tirg-last-conv"]["method"] == "tirg"
    assert plots.settings(config, PLOT)["labels"] == {"tirg": MINI["methods"]["tirg-last-conv"]["label"]}
