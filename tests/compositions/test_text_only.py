from cirque.compositions import text_only
from tests.compositions.queries import SIZES, FakeQuery


def test_the_text_feature_is_the_answer() -> None:
    query = FakeQuery()
    network = text_only.build(SIZES)
    assert network(query).equal(query.text)
    assert not list(network.parameters())
