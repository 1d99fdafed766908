"""A model that is about to be given its weights: nothing is drawn, and nothing else is left out."""

import torch
from torch import nn

from cirque.encoders.undrawn import undrawn


class Model(nn.Module):
    """Parameters of each kind that torch draws in place, and buffers, one of them drawn."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(1000, 64)
        self.linear = nn.Linear(64, 64)
        self.convolution = nn.Conv2d(3, 64, 8)
        self.attention = nn.MultiheadAttention(64, 4)
        self.norm = nn.LayerNorm(64)
        self.register_buffer("mask", torch.full((4, 4), float("-inf")).triu_(1), persistent=False)
        self.register_buffer("drawn", torch.empty(1000).normal_(), persistent=False)


def test_a_file_s_weights_and_the_model_s_own_buffers_make_the_same_model() -> None:
    drawn = Model()
    torch.manual_seed(1)
    with undrawn():
        model = Model()
    model.load_state_dict(drawn.state_dict(), strict=True, assign=True)
    for name, weight in drawn.named_parameters():
        assert torch.equal(model.get_parameter(name), weight), name
    assert torch.equal(model.mask, drawn.mask)
    assert 0.8 < float(model.drawn.std()) < 1.2


def test_parameters_are_not_drawn_and_the_generator_s_state_is_kept() -> None:
    before = torch.random.get_rng_state()
    filled = torch.full((64, 64), 7.0)
    with undrawn():
        Model()
        kept = nn.Parameter(filled)
        nn.init.kaiming_uniform_(kept)
        nn.init.normal_(kept)
        nn.init.xavier_uniform_(kept)
    assert torch.equal(kept.detach(), filled)
    assert torch.equal(torch.random.get_rng_state(), before)
