"""Free energy."""

from __future__ import annotations

from torch import Tensor

from gmmbench.prediction import Prediction
from gmmbench.scores.posterior import posterior_at


def energy(p: Prediction, *, temperature: float = 1.0) -> Tensor:
    """-T log sum_c exp(z_c / T), (H, W) float32 (Liu et al. 2020, arXiv 2010.03759, who choose T = 1).

    Read off the softmax that all scores share: the sum is exp(max_c z_c / T) / max_c p_c.

    Raises:
        InputError: a temperature that is not above 0.
    """
    best = posterior_at(p, temperature).amax(dim=0)
    return temperature * best.log() - p.logits.amax(dim=0)
