"""Maximum softmax probability."""

from __future__ import annotations

from torch import Tensor

from gmmbench.prediction import Prediction


def msp(p: Prediction) -> Tensor:
    """1 - max_c softmax(z)_c, (H, W) float32 in [0, 1 - 1/C] (Hendrycks and Gimpel 2017, arXiv 1610.02136).

    Computed from the other classes' probabilities: near certainty 1 - p rounds to a few float32
    levels, which merges millions of pixels into ties.
    """
    probabilities = p.logits.softmax(dim=0)
    best = probabilities.argmax(dim=0, keepdim=True)
    return probabilities.scatter(0, best, 0.0).sum(dim=0)
