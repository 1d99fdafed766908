"""The layers of Pic2Word's mapping network φ as its supplement prints them (Supp. Table 2; spec pic2word §1.2)."""

from torch import nn

from cirque.networks.phi import Pic2WordPhi


def layers(network: Pic2WordPhi) -> list[tuple[str, str, float]]:
    """Sizes of each layer, read off the module: (row, metric, value), from the input to the output.

    Activations have nothing to state and are left out.
    """
    found: list[tuple[str, str, float]] = []
    for number, block in enumerate(network.layers, start=1):
        for module in block.children():
            if isinstance(module, nn.Linear):
                found += _linear(f"FC{number} (nn.Linear)", module)
            elif isinstance(module, nn.Dropout):
                found.append((f"Dropout{number}", "p", module.p))
    return found + _linear("Output (nn.Linear)", network.fc_out)


def _linear(row: str, module: nn.Linear) -> list[tuple[str, str, float]]:
    return [(row, "in_features", module.in_features), (row, "out_features", module.out_features)]
