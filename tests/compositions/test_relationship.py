import torch

from cirque.compositions import Sizes, relationship
from tests.compositions.queries import SIZES, FakeQuery, n_parameters, same_with_gradients, seeded, with_any_weights


def test_it_is_the_mean_over_all_ordered_pairs_of_places() -> None:
    network = with_any_weights(seeded(lambda: relationship.build(SIZES)))
    query = FakeQuery()
    rows = []
    for maps, text in zip(query.maps, query.text, strict=True):
        places = [maps[:, y, x] for y in range(maps.shape[1]) for x in range(maps.shape[2])]
        values = []
        for one in places:
            for other in places:
                x = network.first(torch.cat([one, other, text])).clamp(min=0)
                x = network.others[1](x).clamp(min=0)
                values.append(network.others[3](x).clamp(min=0))
        assert len(values) == 36
        rows.append(network.last(sum(values) / len(values)))
    same_with_gradients(network(query), torch.stack(rows), list(network.parameters()))


def test_the_order_of_places_does_not_count() -> None:
    network = seeded(lambda: relationship.build(SIZES))
    query = FakeQuery()

    class Turned(FakeQuery):
        @property
        def maps(self) -> torch.Tensor:
            return query.maps.flip(2, 3)

    torch.testing.assert_close(network(Turned()), network(query), rtol=1e-10, atol=1e-12)


def test_its_layers_are_1536_512_512_512_and_512() -> None:
    n = n_parameters(lambda: relationship.build(Sizes(512, 512, ())))
    assert n == (1536 * 512 + 512) + 3 * (512 * 512 + 512)
