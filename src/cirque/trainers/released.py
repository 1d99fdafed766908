"""A network as its authors released it, in place of a training: φ of SEARLE, LinCIR or Pic2Word, or a Combiner.

Which of them it is, its content says.

networks:
  lincir-released: {source: released, file: ~/checkpoints/lincir_large.pt, sha256: …}
"""

from dataclasses import dataclass
from pathlib import Path

import torch

from cirque.encoders import backbones
from cirque.errors import CirqueError
from cirque.networks import combiner, phi
from cirque.store import provenance
from cirque.training.loop import Training


@dataclass(frozen=True)
class Settings:
    """Of the network."""

    sha256: str  # of the checkpoint


def prepare(*, checkpoint: Path, weights: Path, settings: Settings, seed: int, device: torch.device) -> Training:
    """No step of training: the network as it was released.

    Args:
        checkpoint: As the authors released it, or a safetensors file of cirque.
        weights: Weights of the backbone that it is for; only their description is read.
        settings: Of the network.
        seed: Of nothing: a released network is one for all seeds.
        device: Where it is made.

    Raises:
        CirqueError: the checkpoint is another file, holds no such network, or is for another backbone.
    """
    network = combiner.load(checkpoint, device) if combiner.is_in(checkpoint) else phi.load(checkpoint, device)
    found = provenance.sha256(checkpoint)
    if found != settings.sha256:
        raise CirqueError(
            f"{checkpoint}: has the sha256 {found} instead of {settings.sha256}; correct `sha256` of the network in the"
            " configuration if this is the file that is meant"
        )
    _require_backbone(network, checkpoint, weights)
    network.requires_grad_(True)  # as any network that a trainer hands over
    return Training(
        network,
        torch.optim.SGD(network.parameters()),
        losses=(),
        n_steps=0,
        per_epoch=1,
        batch=lambda step: None,
        loss=lambda batch, step: {},
        seed=seed,
        inputs=[checkpoint],
        metadata=lambda log: {"source": "released", "checkpoint_sha256": found},
    )


def _require_backbone(network: phi.Network, checkpoint: Path, weights: Path) -> None:
    """Refuse a network that is for features or tokens of other lengths.

    Raises:
        CirqueError: it says which lengths both have.
    """
    dim, token_dim = backbones.text_sizes(weights, "φ")
    if isinstance(network, phi.Phi) and (network.dim, network.token_dim) != (dim, token_dim):
        raise CirqueError(
            f"{checkpoint}: maps features of {network.dim} dimensions to tokens of {network.token_dim}, but the"
            f" backbone of {weights} has {dim} and {token_dim}; give the checkpoint of this backbone (`by_backbone`)"
        )
    if network.dim != dim:
        raise CirqueError(
            f"{checkpoint}: combines features of {network.dim} dimensions, but the backbone of {weights} has {dim};"
            " give the checkpoint of this backbone (`by_backbone`)"
        )
