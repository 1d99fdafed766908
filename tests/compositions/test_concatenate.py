import torch
from torch import Tensor

from cirque.compositions import Sizes, concatenate
from tests.compositions.queries import SIZES, FakeQuery, n_parameters, same_with_gradients, seeded, with_any_weights


def normed(x: Tensor, state: dict[str, Tensor], name: str, *, batch: bool) -> Tensor:
    """Batch normalisation by its formula, with the batch's statistics or the running ones."""
    mean = x.mean(dim=0) if batch else state[f"{name}.running_mean"]
    variance = x.var(dim=0, unbiased=False) if batch else state[f"{name}.running_var"]
    return (x - mean) / (variance + 1e-5).sqrt() * state[f"{name}.weight"] + state[f"{name}.bias"]


def test_it_has_as_many_parameters_as_the_released_one() -> None:
    assert n_parameters(lambda: concatenate.build(Sizes(512, 512, ()))) == 1_578_496


def test_it_is_the_released_network() -> None:
    network = with_any_weights(seeded(lambda: concatenate.build(SIZES))).eval()
    query = FakeQuery()
    state = dict(network.named_parameters()) | dict(network.named_buffers())
    x = torch.cat([query.image, query.text], dim=1)
    x = normed(x, state, "layers.0", batch=False).clamp(min=0) @ state["layers.2.weight"].T + state["layers.2.bias"]
    x = normed(x, state, "layers.3", batch=False).clamp(min=0) @ state["layers.6.weight"].T + state["layers.6.bias"]
    same_with_gradients(network(query), x, list(network.parameters()))


def test_a_tenth_is_dropped_before_the_last_layer_only() -> None:
    network = concatenate.build(SIZES)
    dropouts = [(place, layer.p) for place, layer in enumerate(network.layers) if isinstance(layer, torch.nn.Dropout)]
    assert dropouts == [(5, 0.1)]
