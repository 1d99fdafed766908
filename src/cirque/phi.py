"""The mapping network φ: an image feature in, a pseudo token out (SEARLE §3.2), and the losses that teach it.

φ is Linear(d→4d) – GELU – Dropout – Linear(4d→4d) – GELU – Dropout – Linear(4d→d_w), as released: the paper's text
also puts an activation and a dropout after the last layer. It reads CLIP's image features as they come out of the
tower, un-normalised: released checkpoints break on normalised ones.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn
from torch.nn import functional

from cirque import files, provenance
from cirque.errors import CirqueError

#: Width of the hidden layers, in image feature dimensions.
EXPANSION = 4


class Phi(nn.Module):
    """The mapping network; parameters are called `layers.{0,3,6}.{weight,bias}`, as in the released checkpoints."""

    def __init__(self, dim: int, token_dim: int, dropout: float) -> None:
        super().__init__()
        self.dim, self.token_dim = dim, token_dim
        hidden = EXPANSION * dim
        self.layers = nn.Sequential(
            nn.Linear(dim, hidden),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, hidden),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, token_dim),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Un-normalised image features [n, dim] to pseudo tokens [n, token_dim]."""
        tokens: Tensor = self.layers(features)
        return tokens


def initial(dim: int, token_dim: int, dropout: float, seed: int) -> Phi:
    """φ with PyTorch's default initial weights, decided by the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Phi(dim, token_dim, dropout)


# ---- losses --------------------------------------------------------------------------------------------------------


def distillation_loss(oti: Tensor, predicted: Tensor, temperature: float, variant: str) -> Tensor:
    """Contrastive loss between OTI tokens and φ's, in the released form or the paper's.

    With t_k (OTI) and p_k (φ) of unit length, and t_k·p_k the positive pair:

    * `released`: NT-Xent over the 2B stacked vectors. Beside the pairs across the sets, the anchor t_k has the
      negatives t_k·t_j and the anchor p_k the negatives p_k·p_j (j ≠ k), each those of its own set. Mean over 2B.
    * `paper`, Eq. 4: the anchor t_k has the negatives p_k·p_j and the anchor p_k the negatives t_k·t_j, each those
      of the other set. Mean over B, so twice the released loss where both sets have the same angles.

    Args:
        oti: OTI tokens [batch, token_dim], of any length.
        predicted: φ's tokens [batch, token_dim], of any length.
        temperature: τ.
        variant: `released` or `paper`.

    Returns:
        A scalar.
    """
    t, p = functional.normalize(oti, dim=-1), functional.normalize(predicted, dim=-1)
    across = t @ p.T / temperature
    itself = torch.eye(len(t), dtype=torch.bool, device=t.device)
    among_oti = (t @ t.T / temperature).masked_fill(itself, -torch.inf)
    among_phi = (p @ p.T / temperature).masked_fill(itself, -torch.inf)
    with_oti, with_phi = (among_oti, among_phi) if variant == "released" else (among_phi, among_oti)
    positive = across.diagonal()
    oti_anchor = torch.cat([across, with_oti], dim=1).logsumexp(dim=1) - positive
    phi_anchor = torch.cat([across.T, with_phi], dim=1).logsumexp(dim=1) - positive
    mean = (oti_anchor + phi_anchor).mean()
    return mean / 2 if variant == "released" else mean


def phrase_loss(with_token: Tensor, phrase: Tensor) -> Tensor:
    """Mean of 1 − cos between the features of phrases with the token and of the phrases as they are, [batch, dim]."""
    return (1 - functional.cosine_similarity(with_token, phrase, dim=-1)).mean()


# ---- files ---------------------------------------------------------------------------------------------------------


def side_car(path: Path) -> Path:
    """Where the JSON that describes a φ lies: beside its weights."""
    return path.with_suffix(".json")


def save(path: Path, phi: Phi, record: Mapping[str, Any]) -> None:
    """Write φ as safetensors with its JSON side-car: both, or neither."""
    weights = {name: value.detach().cpu().contiguous() for name, value in phi.state_dict().items()}
    description = {"dim": phi.dim, "token_dim": phi.token_dim, "hidden": EXPANSION * phi.dim, **record}
    with files.atomic(path) as partial, files.atomic(side_car(path)) as described:
        partial.write_bytes(safetensors.torch.save(weights))  # a full disk is then an OSError like any other
        described.write_text(json.dumps(description, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def load(path: Path, device: torch.device) -> Phi:
    """Read φ in evaluation mode: a file that `save` wrote, or a released SEARLE checkpoint (`.pt`, key `Phi`).

    Raises:
        CirqueError: the file is missing, cut short, or holds no φ.
    """
    provenance.read(path)
    if not path.is_file():
        raise CirqueError(f"{path}: no such file; it should hold the mapping network φ")
    state = _released_state(path) if path.suffix == ".pt" else _own_state(path)
    shapes = {name: tuple(value.shape) for name, value in state.items()}
    try:
        (_, dim), (token_dim, _) = shapes["layers.0.weight"], shapes["layers.6.weight"]
        phi = Phi(dim, token_dim, dropout=0.0)
        phi.load_state_dict({name: value.float() for name, value in state.items()})
    except (KeyError, ValueError, RuntimeError) as error:
        raise CirqueError(
            f"{path}: not a mapping network φ with layers 0, 3 and 6 and hidden width {EXPANSION} × dim; it holds"
            f" {', '.join(f'{name} {list(shape)}' for name, shape in shapes.items()) or 'nothing'}"
        ) from error
    return phi.to(device).eval().requires_grad_(False)


def _own_state(path: Path) -> dict[str, Tensor]:
    try:
        state: dict[str, Tensor] = safetensors.torch.load_file(path)
    except (safetensors.SafetensorError, OSError) as error:
        raise CirqueError(
            f"{path}: not a whole safetensors file ({error}); delete it and run Snakemake again"
        ) from error
    return state


def _released_state(path: Path) -> dict[str, Tensor]:
    """State of a released checkpoint, {"epoch": int, "Phi": state}; `weights_only` runs no code of the file."""
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a cut or foreign file fails in many ways
        first = (str(error) or type(error).__name__).splitlines()[0]
        raise CirqueError(f"{path}: could not be read as a released checkpoint ({first}); fetch it again") from error
    state = checkpoint.get("Phi") if isinstance(checkpoint, dict) else None
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise CirqueError(f"{path}: a released SEARLE checkpoint has the key Phi with φ's weights; this file has not")
    return state


def read_side_car(path: Path) -> dict[str, Any]:
    """The description beside the weights of a φ that `save` wrote."""
    record: dict[str, Any] = files.read_json(side_car(path))
    return record
