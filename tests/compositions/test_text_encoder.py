import pytest
import torch
from torch import Tensor
from torch.nn.utils.rnn import pack_padded_sequence

from cirque.compositions.text_encoder import Reader, TextEncoder
from tests.compositions.queries import n_parameters, same_with_gradients, seeded


def read_plainly(reader: Reader, words: Tensor, length: int) -> Tensor:
    """One text, word by word, by the LSTM's formulas (in PyTorch's order of gates: i, f, g, o)."""
    state = cell = torch.zeros(words.shape[1], dtype=words.dtype)
    lstm = reader.lstm
    for word in words[:length]:
        gates = lstm.weight_ih_l0 @ word + lstm.bias_ih_l0 + lstm.weight_hh_l0 @ state + lstm.bias_hh_l0
        i, f, g, o = gates.chunk(4)
        cell = f.sigmoid() * cell + i.sigmoid() * g.tanh()
        state = o.sigmoid() * cell.tanh()
    return reader.linear.weight @ state + reader.linear.bias


def texts(longest: int = 6) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 9, (5, longest), generator=generator), torch.tensor([1, 5, 2, 4, 3])


@pytest.fixture
def encoder() -> TextEncoder:
    made = seeded(lambda: TextEncoder(9, 4))
    assert isinstance(made, TextEncoder)
    return made.eval()


def test_it_has_as_many_parameters_as_the_released_one() -> None:
    assert n_parameters(lambda: TextEncoder(5590, 512).lstm) == 2_101_248
    assert n_parameters(lambda: TextEncoder(5590, 512).linear) == 262_656
    assert n_parameters(lambda: TextEncoder(5590, 512).embedding) == 512 * 5590
    assert n_parameters(lambda: TextEncoder(5590, 512)) == 2_101_248 + 262_656 + 512 * 5590


def test_the_feature_is_the_state_at_the_last_word_through_a_linear_layer(encoder: TextEncoder) -> None:
    ids, lengths = texts()
    expected = torch.stack(
        [read_plainly(encoder, encoder.embedding.weight[row], length) for row, length in zip(ids, lengths, strict=True)]
    )
    same_with_gradients(encoder(encoder.embed(ids), lengths), expected, list(encoder.parameters()))


def test_it_is_the_same_as_with_packed_texts(encoder: TextEncoder) -> None:
    ids, lengths = texts()
    packed = pack_padded_sequence(encoder.embed(ids), lengths, batch_first=True, enforce_sorted=False)
    expected = encoder.linear(encoder.lstm(packed)[1][0][0])
    same_with_gradients(encoder(encoder.embed(ids), lengths), expected, list(encoder.parameters()))


def test_padding_changes_nothing_and_learns_nothing(encoder: TextEncoder) -> None:
    ids, lengths = texts()
    words = encoder.embed(ids).detach().requires_grad_()
    features = encoder(words, lengths)
    torch.autograd.backward(features.sum())
    assert words.grad is not None
    padded = torch.arange(6) >= lengths[:, None]
    assert not words.grad[padded].any()
    assert words.grad[~padded].any(dim=-1).all()
    other = words.detach().masked_fill(padded[..., None], torch.nan)
    assert torch.equal(encoder(other, lengths), features)


def test_a_tenth_is_dropped_in_training_only(encoder: TextEncoder) -> None:
    ids, lengths = texts()
    assert encoder.dropout.p == 0.1
    assert torch.equal(encoder(encoder.embed(ids), lengths), encoder(encoder.embed(ids), lengths))
    encoder.train().dropout.p = 0.5
    assert not torch.equal(encoder(encoder.embed(ids), lengths), encoder(encoder.embed(ids), lengths))


def test_words_start_as_standard_normal_vectors() -> None:
    weights = seeded(lambda: TextEncoder(2000, 16)).get_parameter("embedding.weight")
    assert weights.mean().item() == pytest.approx(0, abs=0.03)
    assert weights.std().item() == pytest.approx(1, abs=0.03)
