"""φ as its authors released it, in place of a training: SEARLE's, LinCIR's or Pic2Word's, known by its content.

networks:
  lincir-released: {source: released, file: ~/checkpoints/lincir_large.pt, sha256: …}
"""

from dataclasses import dataclass
from pathlib import Path

import torch

from cirque.encoders import backbones
from cirque.errors import CirqueError
from cirque.networks import phi
from cirque.store import provenance
from cirque.training.loop import Training


@dataclass(frozen=True)
class Settings:
    """Of the network."""

    sha256: str  # of the checkpoint


def prepare(*, checkpoint: Path, weights: Path, settings: Settings, seed: int, device: torch.device) -> Training:
    """No step of training: φ as it was released.

    Args:
        checkpoint: As the authors released it, or a safetensors file of cirque.
        weights: Weights of the backbone that φ is for; only their description is read.
        settings: Of the network.
        seed: Of nothing: a released network is one for all seeds.
        device: Where φ is made.

    Raises:
        CirqueError: the checkpoint is another file, holds no φ, or is for another backbone.
    """
    network = phi.load(checkpoint, device)
    found = provenance.sha256(checkpoint)
    if found != settings.sha256:
        raise CirqueError(
            f"{checkpoint}: has the sha256 {found} instead of {settings.sha256}; correct `sha256` of the network in the"
            " configuration if this is the file that is meant"
        )
    dim, token_dim = backbones.text_sizes(weights, "φ")
    if (network.dim, network.token_dim) != (dim, token_dim):
        raise CirqueError(
            f"{checkpoint}: maps features of {network.dim} dimensions to tokens of {network.token_dim}, but the"
            f" backbone of {weights} has {dim} and {token_dim}; give the checkpoint of this backbone (`by_backbone`)"
        )
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
