"""The losses that teach a mapping network φ: SEARLE's distillation and phrases (§3.2), and those of its ablations."""

import torch
from torch import Tensor
from torch.nn import functional


def distillation_loss(oti: Tensor, predicted: Tensor, temperature: float, variant: str) -> Tensor:
    """Contrastive loss between OTI tokens and φ's, in the released form or the paper's.

    With t_k (OTI) and p_k (φ) of unit length, and t_k·p_k the positive pair:

    * `released`: NT-Xent over the 2B stacked vectors. Beside the pairs across the sets, the anchor t_k has the
      negatives t_k·t_j and the anchor p_k the negatives p_k·p_j (j ≠ k), each those of its own set. Mean over 2B.
    * `paper`, Eq. 4: the anchor t_k has the negatives p_k·p_j and the anchor p_k the negatives t_k·t_j, each those
      of the other set. Mean over B, so twice the released loss where both sets have the same angles.

    The released form is also the cycle loss of "w/o distil" (SEARLE Table 4): there image features stand for t and the
    features of a text with φ's token for p.

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


def cosine_loss(a: Tensor, b: Tensor) -> Tensor:
    """Mean of 1 − cos of each pair of rows [batch, dim].

    L_gpt between the features of phrases with the token and of the phrases as they are; the distillation of "cos
    distil" (SEARLE Table 4) between OTI tokens and φ's.
    """
    return (1 - functional.cosine_similarity(a, b, dim=-1)).mean()
