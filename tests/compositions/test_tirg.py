import pytest
import torch
from torch import Tensor, nn

from cirque.compositions import Sizes, tirg
from cirque.errors import CirqueError
from tests.compositions.queries import SIZES, FakeQuery, n_parameters, same_with_gradients, seeded, with_any_weights
from tests.compositions.test_concatenate import normed

PAPER = Sizes(512, 512, ())


def network(level: str, branches: str, sizes: Sizes = SIZES, hidden: int = 7) -> nn.Module:
    return tirg.build(sizes, level=level, hidden=hidden, residual_start=10.0, branches=branches)


def plain_fc(made: nn.Module, query: FakeQuery, branches: str) -> Tensor:
    state = dict(made.named_parameters()) | dict(made.named_buffers())
    joint = torch.cat([query.image, query.text], dim=1)
    total = torch.zeros_like(query.image)
    if branches != "residual":
        x = normed(joint, state, "gate.0", batch=False).clamp(min=0)
        gate = x @ state["gate.2.weight"].T + state["gate.2.bias"]
        total = total + state["mixing"][0] / (1 + (-gate).exp()) * query.image
    if branches != "gated":
        x = normed(joint, state, "residual.0", batch=False).clamp(min=0)
        x = (x @ state["residual.2.weight"].T + state["residual.2.bias"]).clamp(min=0)
        total = total + state["mixing"][1] * (x @ state["residual.4.weight"].T + state["residual.4.bias"])
    return total


def convolved(maps: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """3 × 3, padded by zeros, place by place; one picture [C, height, width]."""
    _, height, width = maps.shape
    padded = torch.zeros(len(maps), height + 2, width + 2, dtype=maps.dtype)
    padded[:, 1:-1, 1:-1] = maps
    rows = [
        torch.stack([(weight * padded[:, y : y + 3, x : x + 3]).sum(dim=(1, 2, 3)) + bias for x in range(width)], dim=1)
        for y in range(height)
    ]
    return torch.stack(rows, dim=1)


def plain_conv(made: nn.Module, query: FakeQuery, branches: str) -> Tensor:
    state = dict(made.named_parameters()) | dict(made.named_buffers())
    composed = []
    for maps, text in zip(query.maps, query.text, strict=True):
        _, height, width = maps.shape
        joint = torch.cat([maps, torch.stack([torch.stack([text] * width, dim=1)] * height, dim=1)])

        def stack(name: str, joint: Tensor = joint) -> Tensor:
            places = joint.flatten(1).T
            x = normed(places, state, f"{name}.0", batch=False).T.unflatten(1, joint.shape[1:])
            x = convolved(x, state[f"{name}.1.weight"], state[f"{name}.1.bias"]).clamp(min=0)
            return convolved(x, state[f"{name}.3.weight"], state[f"{name}.3.bias"])

        total = torch.zeros_like(maps)
        if branches != "residual":
            total = total + state["mixing"][0] / (1 + (-stack("gate")).exp()) * maps
        if branches != "gated":
            total = total + state["mixing"][1] * stack("residual")
        composed.append(total)
    return query.head(torch.stack(composed))


@pytest.mark.parametrize("branches", tirg.BRANCHES)
@pytest.mark.parametrize(("level", "plain"), [("fc", plain_fc), ("conv", plain_conv)])
def test_it_is_a_gated_feature_and_a_residual(level: str, plain, branches: str) -> None:  # type: ignore[no-untyped-def]
    made = with_any_weights(seeded(lambda: network(level, branches))).eval()
    query = FakeQuery()
    same_with_gradients(made(query), plain(made, query, branches), list(made.parameters()))


def test_parameters_are_as_many_as_in_the_released_networks() -> None:
    """Beside four mixing weights."""
    assert n_parameters(lambda: network("fc", "gated", PAPER, 1024)) == 526_848 + 4
    assert n_parameters(lambda: network("fc", "residual", PAPER, 1024)) == 1_576_448 + 4
    assert n_parameters(lambda: network("fc", "both", PAPER, 1024)) == 526_848 + 1_576_448 + 4
    assert n_parameters(lambda: network("conv", "gated", PAPER, 1024)) == 14_159_360 + 4
    assert n_parameters(lambda: network("conv", "residual", PAPER, 1024)) == 14_159_360 + 4
    assert n_parameters(lambda: network("conv", "both", PAPER, 1024)) == 2 * 14_159_360 + 4


@pytest.mark.parametrize("level", ["fc", "conv"])
def test_mixing_weights_are_one_learnable_vector_and_start_at_1_and_10(level: str) -> None:
    made = network(level, "both")
    assert made.mixing.requires_grad
    assert made.mixing.tolist() == [1, 10, 1, 1]
    other = tirg.build(SIZES, level=level, hidden=7, residual_start=1.0, branches="both")
    assert other.mixing.tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize("level", ["fc", "conv"])
def test_the_last_two_mixing_weights_are_not_used(level: str) -> None:
    made = seeded(lambda: network(level, "both"))
    loss = made(FakeQuery()).sum()
    (gradient,) = torch.autograd.grad(loss, [made.mixing])
    assert gradient[:2].all()
    assert gradient[2:].tolist() == [0, 0]


def test_at_the_last_fc_no_map_is_read() -> None:
    query = FakeQuery()
    network("fc", "both").double().eval()(query)
    assert query.read == {"image", "text"}


@pytest.mark.parametrize(("level", "branches"), [("map", "both"), ("fc", "gate")])
def test_an_unknown_level_or_branch_is_an_error(level: str, branches: str) -> None:
    with pytest.raises(CirqueError, match="levels are fc and conv, branches both, gated, residual"):
        network(level, branches)
