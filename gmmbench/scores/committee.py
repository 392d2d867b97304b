"""Entropy and mutual information of several members' posteriors."""

from __future__ import annotations

import torch
from torch import Tensor

from gmmbench.prediction import Committee
from gmmbench.scores.posterior import doubt, others


def total_entropy(members: Committee) -> Tensor:
    """H[E p] = -sum_c q_c log q_c with q the members' mean posterior, (H, W) float32 in nats, 0 to log C."""
    return entropy_of(members.posterior)


def mutual_information(members: Committee) -> Tensor:
    """H[E p] - E H[p], (H, W) float32 in nats: 0 where the members agree.

    It is never negative; what rounding leaves below 0 is set to 0.
    """
    return (total_entropy(members) - members.entropy).clamp_(min=0)


def entropy_of(posterior: Tensor) -> Tensor:
    """-sum_c p_c log p_c of (C, H, W) probabilities, (H, W); -log max_c p_c is taken from the others' sum."""
    total = -posterior.amax(dim=0) * torch.log1p(-doubt(posterior))
    for other in others(posterior):
        total += torch.special.entr(other)
    return total
