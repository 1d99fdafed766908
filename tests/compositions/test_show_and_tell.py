import torch

from cirque.compositions import Sizes, show_and_tell
from tests.compositions.queries import SIZES, FakeQuery, n_parameters, same_with_gradients, seeded
from tests.compositions.test_text_encoder import read_plainly


def test_the_image_is_read_first_and_then_the_words() -> None:
    network = seeded(lambda: show_and_tell.build(SIZES)).eval()
    query = FakeQuery()
    words, lengths = query.words
    rows = [torch.cat([image[None], row]) for image, row in zip(query.image, words, strict=True)]
    expected = [read_plainly(network.reader, row, int(length) + 1) for row, length in zip(rows, lengths, strict=True)]
    same_with_gradients(network(query), torch.stack(expected), list(network.parameters()))


def test_its_lstm_is_another_than_the_text_encoders() -> None:
    assert n_parameters(lambda: show_and_tell.build(Sizes(512, 512, ()))) == 2_101_248 + 262_656


def test_a_tenth_is_dropped() -> None:
    assert show_and_tell.build(SIZES).reader.dropout.p == 0.1
