import torch

from cirque.compositions import Sizes, attribute_operator
from tests.compositions.queries import SIZES, FakeQuery, n_parameters, same_with_gradients, seeded, with_any_weights


def test_it_starts_as_the_image_feature_through_a_relu() -> None:
    network = seeded(lambda: attribute_operator.build(SIZES))
    query = FakeQuery()
    assert torch.equal(network(query), query.image.clamp(min=0))


def test_the_texts_matrix_acts_on_the_image_feature() -> None:
    network = with_any_weights(seeded(lambda: attribute_operator.build(SIZES)))
    query = FakeQuery()
    rows = []
    for image, text in zip(query.image, query.text, strict=True):
        entries = network.operator.weight @ text + network.operator.bias
        matrix = torch.stack([entries[SIZES.dim * row : SIZES.dim * (row + 1)] for row in range(SIZES.dim)])
        rows.append(((torch.eye(SIZES.dim) + matrix) @ image).clamp(min=0))
    same_with_gradients(network(query), torch.stack(rows), list(network.parameters()))


def test_it_has_a_weight_for_each_entry_and_text_dimension() -> None:
    assert n_parameters(lambda: attribute_operator.build(Sizes(512, 512, ()))) == 512**3 + 512**2
