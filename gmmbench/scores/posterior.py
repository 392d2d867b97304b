"""What scores read of a softmax, without losing the digits near certainty."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from gmmbench.errors import InputError
from gmmbench.prediction import Prediction


def posterior_at(p: Prediction, temperature: float) -> Tensor:
    """(C, H, W) softmax(z / T); at T = 1 the one that all scores share. Raises InputError unless T > 0."""
    if not temperature > 0:
        raise InputError(f"temperature={temperature}: wanted a number above 0")
    return p.posterior if temperature == 1 else (p.logits / temperature).softmax(dim=0)


def others(posterior: Tensor) -> Iterator[Tensor]:
    """The probabilities of all classes but the likeliest: C - 1 maps, at each pixel in an order of its own.

    Each class in turn plays against the best so far, and the loser comes out. No sort, no index, and of two
    equally likely classes one is the likeliest. The same (H, W) buffer is yielded again and again: use it, change
    it, but do not keep it.
    """
    best = posterior[0].clone()
    loser = torch.empty_like(best)
    for plane in posterior[1:]:
        torch.minimum(best, plane, out=loser)
        torch.maximum(best, plane, out=best)
        yield loser


def doubt(posterior: Tensor) -> Tensor:
    """1 - max_c p_c, (H, W), as the sum of the other classes' probabilities.

    Near certainty 1 - p rounds to a few float32 levels, which merges millions of pixels into ties.
    """
    total = torch.zeros_like(posterior[0])
    for other in others(posterior):
        total += other
    return total
