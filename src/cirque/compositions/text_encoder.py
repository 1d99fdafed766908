"""The text encoder of all compositions, as released: the paper's φt is the LSTM's state itself (TIRG §3).

encoder = TextEncoder(len(vocabulary), 512)
encoder(encoder.embed(ids), lengths)  # φt [n, 512]
"""

import torch
from torch import Tensor, nn

#: Before the last linear layer, as released.
DROPOUT = 0.1


class Reader(nn.Module):
    """An LSTM that reads vectors: its state at the last one, through dropout and a linear layer."""

    def __init__(self, dim: int, dropout: float = DROPOUT) -> None:
        super().__init__()
        self.lstm = nn.LSTM(dim, dim, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(dim, dim)

    def forward(self, words: Tensor, lengths: Tensor) -> Tensor:
        """What the network has read.

        The LSTM runs over the padding too, and the state at the last word is taken: it does not depend on what comes
        after it, and for short texts this takes half the time of a packed sequence.

        Args:
            words: vectors [n, longest, dim], padded with anything.
            lengths: number of vectors that count [n], ≥ 1.

        Returns:
            [n, dim].
        """
        # Not every processor has an LSTM in bf16; next to the images it is little work in fp32.
        with torch.autocast(words.device.type, enabled=False):
            # A cut saves time where longer texts were left out; a GPU would have to be waited for.
            longest = int(lengths.max()) if lengths.device.type == "cpu" else words.shape[1]
            states, _ = self.lstm(words[:, :longest].to(self.linear.weight.dtype))
        last = states[torch.arange(len(states), device=states.device), lengths.to(states.device) - 1]
        read: Tensor = self.linear(self.dropout(last))
        return read


class TextEncoder(Reader):
    """Embedding(V, d) – LSTM(d→d) – state at the last word – Dropout – Linear(d→d).

    Args:
        n_words: V, the words of the vocabulary and `<UNK>`.
        dim: d.
        dropout: before the last linear layer.
    """

    def __init__(self, n_words: int, dim: int, dropout: float = DROPOUT) -> None:
        super().__init__(dim, dropout)
        self.embedding = nn.Embedding(n_words, dim)

    def embed(self, ids: Tensor) -> Tensor:
        """Embedded words [n, longest, dim] of their ids [n, longest]."""
        words: Tensor = self.embedding(ids)
        return words
