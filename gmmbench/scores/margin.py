"""Probability margin between the two likeliest classes."""

from __future__ import annotations

import torch
from torch import Tensor

from gmmbench.prediction import Prediction
from gmmbench.scores.posterior import others


def margin(p: Prediction) -> Tensor:
    """1 - (p_(1) - p_(2)), the two largest of p = softmax(z), (H, W) float32 in [0, 1].

    Rottmann et al. 2018, arXiv 1811.00648, as a map of dispersion. The constant 1 changes no rank and keeps the
    digits near certainty: (1 - p_(1)) + p_(2) is a sum of small numbers. With one class it is 0.
    """
    total = torch.zeros_like(p.logits[0])
    second = torch.zeros_like(total)
    for other in others(p.posterior):
        total += other
        torch.maximum(second, other, out=second)
    return total + second
