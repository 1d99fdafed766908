from cirque.compositions import image_only
from tests.compositions.queries import SIZES, FakeQuery


def test_the_image_feature_is_the_answer() -> None:
    query = FakeQuery()
    network = image_only.build(SIZES)
    assert network(query).equal(query.image)
    assert not list(network.parameters())
