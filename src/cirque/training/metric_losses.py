"""The losses that teach a composition: the paper's (TIRG §3), and the soft triplet loss as released.

    loss = batch_softmax(queries, targets)  # each of length s, which is learnable and starts at 4

All take the scaled features ψ of the queries and φ of their targets [batch, dim], a row for each pair.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy, softplus

from cirque.errors import CirqueError

#: Triplets that the released code picks for each anchor.
TRIPLETS = 3


def squared_distances(a: Tensor, b: Tensor) -> Tensor:
    """‖aᵢ − bⱼ‖² ≥ 0, [n, m] of [n, dim] and [m, dim]. No root is taken: gradients of equal rows are finite."""
    return (a.square().sum(dim=1)[:, None] + b.square().sum(dim=1) - 2 * a @ b.T).clamp(min=0)


def batch_softmax(queries: Tensor, targets: Tensor) -> Tensor:
    """K = B of the paper, and as released: −log softmaxⱼ(ψᵢ·φⱼ)[i], mean over i.

    From query to target only; s² takes the place of a temperature.

    Returns:
        A scalar.
    """
    return cross_entropy(queries @ targets.T, torch.arange(len(queries), device=queries.device))


def soft_triplet(queries: Tensor, targets: Tensor) -> Tensor:
    """K = 2 of the paper: 1/(B(B−1)) Σᵢ Σ_{j≠i} softplus(κ(ψᵢ, φⱼ) − κ(ψᵢ, φᵢ)), κ = −squared distance.

    Returns:
        A scalar.
    """
    n = _several(len(queries))
    distances = squared_distances(queries, targets)
    each = softplus(distances.diagonal()[:, None] - distances)
    # All but the diagonal, in order, which an index of True and False would make the host wait for.
    return each.flatten()[1:].view(n - 1, n + 1)[:, :-1].reshape(-1).mean()


def released_triplets(rng: np.random.Generator, n: int) -> NDArray[np.int64]:
    """Negatives that the released code picks: 3 of each anchor's 2(B−1), each as likely, none twice.

    Anchors are the 2B items queries, targets; all items are negatives but the anchor and its counterpart.

    Args:
        rng: of this step.
        n: B.

    Returns:
        Items [2B, 3]; 2 columns for B = 2, where there are no more.
    """
    n_negatives = 2 * (_several(n) - 1)
    places = rng.permuted(np.tile(np.arange(n_negatives), (2 * n, 1)), axis=1)[:, :TRIPLETS]
    pair = np.arange(2 * n)[:, None] % n
    # Count on over the query of the anchor's pair, then over its target.
    places += places >= pair
    places += places >= pair + n
    return places


def soft_triplet_released(queries: Tensor, targets: Tensor, chosen: Tensor | NDArray[np.int64]) -> Tensor:
    """K = 2 as released: mean of softplus(D(a, p) − D(a, n)) over some triplets of queries and targets alike.

    D is the squared distance and p the anchor's counterpart. The released backward pass leaves out the factor 2 of D's
    derivative, so the value is this mean and the gradient is half of its.

    Args:
        queries: ψ [B, dim].
        targets: φ [B, dim].
        chosen: negatives of each of the 2B items [2B, n_chosen], as `released_triplets` gives them.

    Returns:
        A scalar.
    """
    items = torch.cat([queries, targets])
    distances = squared_distances(items, items)
    positive = distances.diagonal(len(queries)).repeat(2)  # D is symmetric: of the queries, then of the targets
    negative = distances.gather(1, torch.as_tensor(chosen, device=items.device))
    loss = softplus(positive[:, None] - negative).mean()
    return 0.5 * loss + 0.5 * loss.detach()


def _several(n: int) -> int:
    """The size of a batch that has negatives."""
    if n < 2:
        raise CirqueError(f"a batch of {n} has no negatives for the soft triplet loss; batch at least 2 queries")
    return n
