from cirque.facts import phi_layers
from cirque.networks import phi
from cirque.tables import build as tables
from tests.evaluated import PUBLISHED


def layers(**changes):
    sizes = {"n_layers": 2, "middle_dim": 512, **changes}
    return phi_layers.layers(phi.initial_pic2word(768, 768, 0.1, 0, **sizes))


def test_the_released_network_is_the_printed_one_but_for_its_input():
    printed = {
        (row["row"], row["metric"]): row["value"]
        for row in tables.read_published(PUBLISHED).to_pylist()
        if (row["paper"], row["table"]) == ("Pic2Word-supp", "Table 2")
    }
    ours = {(row, metric): value for row, metric, value in layers()}
    assert set(ours) == set(printed)
    assert {key: (ours[key], printed[key]) for key in ours if ours[key] != printed[key]} == {
        ("FC1 (nn.Linear)", "in_features"): (768, 512)
    }


def test_layers_are_stated_from_the_input_to_the_output_whatever_the_architecture():
    rows = list(dict.fromkeys(row for row, _, _ in layers(n_layers=1, middle_dim=7, architecture="linear")))
    assert rows == ["FC1 (nn.Linear)", "Dropout1", "Output (nn.Linear)"]
    assert ("Output (nn.Linear)", "in_features", 7) in layers(n_layers=1, middle_dim=7)
