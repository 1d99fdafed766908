"""The Combiner of CLIP4Cir: features of a reference and of a text in, the feature of what is asked for out.

    network = load(Path("phi.safetensors"), torch.device("cpu"))
    queries = network(reference_features, text_features)  # [n, dim], L2-normalised

Baldrati et al., "Effective conditioned and composed image retrieval combining CLIP-based features" (CVPR 2022), and
its released code. Like φ it reads features as the towers give them, un-normalised.
"""

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from cirque.errors import CirqueError
from cirque.networks import phi

#: Key of the weights in released checkpoints.
KEY = "Combiner"


class Combiner(phi.Network):
    """Text and image, each projected, joined and mixed with a weight that a small network gives for each query.

    Linear(d→p) – ReLU – Dropout of either; joined, text first: Linear(2p→h) – ReLU – Dropout – Linear(h→d), to which
    σ·text + (1 − σ)·image is added, σ = sigmoid(Linear(2p→h) – ReLU – Dropout – Linear(h→1)) of the same. Parameters
    are called as in the released checkpoints.
    """

    architecture = "combiner"

    def __init__(self, dim: int, projection_dim: int, hidden_dim: int, dropout: float) -> None:
        super().__init__()
        self.dim, self.projection_dim, self.hidden_dim = dim, projection_dim, hidden_dim
        self.text_projection_layer = nn.Linear(dim, projection_dim)
        self.image_projection_layer = nn.Linear(dim, projection_dim)
        self.combiner_layer = nn.Linear(2 * projection_dim, hidden_dim)
        self.output_layer = nn.Linear(hidden_dim, dim)
        self.dynamic_scalar = nn.Sequential(
            nn.Linear(2 * projection_dim, hidden_dim),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden_dim, 1),
            nn.Sigmoid(),
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, images: Tensor, texts: Tensor) -> Tensor:
        """Features of references and of relative captions [n, dim] to those of queries [n, dim], L2-normalised."""
        words = self.dropout(functional.relu(self.text_projection_layer(texts)))
        looks = self.dropout(functional.relu(self.image_projection_layer(images)))
        joined = torch.cat((words, looks), dim=-1)
        combined = self.dropout(functional.relu(self.combiner_layer(joined)))
        share = self.dynamic_scalar(joined)
        return functional.normalize(self.output_layer(combined) + share * texts + (1 - share) * images, dim=-1)

    def sizes(self) -> dict[str, int]:
        """Features, and the width of either part."""
        return {"dim": self.dim, "projection_dim": self.projection_dim, "hidden_dim": self.hidden_dim}


def initial(dim: int, projection_dim: int, hidden_dim: int, dropout: float, seed: int) -> Combiner:
    """A Combiner with PyTorch's default initial weights, decided by the seed alone.

    Raises:
        CirqueError: a layer has no width.
    """
    if projection_dim < 1 or hidden_dim < 1:
        raise CirqueError(
            f"combiner: projection_dim {projection_dim} and hidden_dim {hidden_dim} make no network; give at least 1"
            " of each"
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Combiner(dim, projection_dim, hidden_dim, dropout)


# ---- files ---------------------------------------------------------------------------------------------------------


def is_in(path: Path) -> bool:
    """Whether a file holds a Combiner: a released checkpoint, or one that `phi.save` wrote.

    Raises:
        CirqueError: the file is missing, cut short or altered.
    """
    if phi.is_of_torch(path):
        return KEY in phi.read_checkpoint(path)
    return "combiner_layer.weight" in phi.read_weights(path)


def load(path: Path, device: torch.device) -> Combiner:
    """Read a Combiner in evaluation mode: as `phi.save` wrote it, or a released checkpoint with the key `Combiner`.

    Raises:
        CirqueError: the file is missing, cut short or altered, or holds another network.
    """
    found = phi.read_checkpoint(path).get(KEY) if phi.is_of_torch(path) else phi.read_weights(path)
    state = found if isinstance(found, dict) else {}
    try:
        projection_dim, dim = state["text_projection_layer.weight"].shape
        hidden_dim, _ = state["combiner_layer.weight"].shape
        network = Combiner(dim, projection_dim, hidden_dim, dropout=0.0)
        network.load_state_dict({name: value.float() for name, value in state.items()})
    except (KeyError, ValueError, RuntimeError, AttributeError) as error:
        raise CirqueError(
            f"{path}: no Combiner (text_projection_layer, combiner_layer and so on); it holds"
            f" {', '.join(map(str, state)) or 'nothing of its kind'}; name a network of the trainer combiner, or a"
            f" released checkpoint, which has the key {KEY}"
        ) from error
    return network.to(device).eval().requires_grad_(False)
