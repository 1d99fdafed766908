import torch

from cirque.compositions import Sizes, film
from tests.compositions.queries import SIZES, FakeQuery, n_parameters, same_with_gradients, seeded, with_any_weights


def test_it_starts_as_the_plain_network() -> None:
    query = FakeQuery()
    assert torch.equal(seeded(lambda: film.build(SIZES))(query), query.image)


def test_every_block_is_scaled_and_shifted_before_the_skip_connection() -> None:
    network = with_any_weights(seeded(lambda: film.build(SIZES)))
    query = FakeQuery()
    made = query.text @ network.modulation.weight.T + network.modulation.bias
    first, second = SIZES.blocks
    deltas, shifts = made[:, : first + second], made[:, first + second :]
    gammas = [1 + deltas[:, :first], 1 + deltas[:, first:]]
    betas = [shifts[:, :first], shifts[:, first:]]
    maps = query.pixels
    for block, gamma, beta in zip(query.encoders.blocks, gammas, betas, strict=True):
        inner = block.bn2(block.conv2(block.bn1(block.conv1(maps)).clamp(min=0)))
        planes = [
            torch.stack([inner[n, c] * gamma[n, c] + beta[n, c] for c in range(inner.shape[1])])
            for n in range(len(inner))
        ]
        maps = (torch.stack(planes) + block.skip(maps)).clamp(min=0)
    same_with_gradients(network(query), query.head(maps), list(network.parameters()))


def test_resnet_18_has_3840_channels_to_modulate() -> None:
    blocks = (64, 64, 128, 128, 256, 256, 512, 512)
    assert n_parameters(lambda: film.build(Sizes(512, 512, blocks))) == 512 * 3840 + 3840
