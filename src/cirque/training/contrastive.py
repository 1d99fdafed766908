"""What CLIP's training and Pic2Word's share: the contrastive loss and the schedule of the learning rate."""

import math
from typing import Protocol

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize


class Schedule(Protocol):
    """Settings of a training with warm-up."""

    @property
    def learning_rate(self) -> float:
        """At the end of the warm-up."""

    @property
    def warmup(self) -> int:
        """Steps of linear warm-up before the cosine."""


def contrastive_loss(images: Tensor, texts: Tensor, scale: Tensor) -> Tensor:
    """Symmetric cross-entropy over scaled cosines, the image's own text being right (Radford et al. 2021, Fig. 3).

    Args:
        images: features [batch, dim], of any length.
        texts: features [batch, dim], of any length, in the order of their images.
        scale: exp(logit_scale) of CLIP.

    Returns:
        A scalar.
    """
    logits = scale * normalize(images, dim=-1) @ normalize(texts, dim=-1).T
    own = torch.arange(len(logits), device=logits.device)
    return (cross_entropy(logits, own) + cross_entropy(logits.T, own)) / 2


def learning_rate(step: int, n_steps: int, settings: Schedule) -> float:
    """Learning rate of a step: linear warm-up, then half a cosine down to 0 over the other steps."""
    if step < settings.warmup:
        return settings.learning_rate * (step + 1) / settings.warmup
    done = (step - settings.warmup) / max(1, n_steps - settings.warmup)
    return settings.learning_rate * (1 + math.cos(math.pi * done)) / 2
