"""Predictive entropy of Monte-Carlo dropout."""

from __future__ import annotations

from torch import Tensor

from gmmbench.errors import InputError
from gmmbench.prediction import Prediction
from gmmbench.scores.committee import total_entropy


def mc_dropout_entropy(p: Prediction, *, passes: int = 8, seed: int = 0) -> Tensor:
    """Entropy H[E p] of the mean posterior over passes with dropout on, (H, W) float32 in nats, 0 to log C.

    Mukhoti and Gal 2018, arXiv 1811.12709, for segmentation. Whoever predicts makes the passes and reads both
    options for that: how many, and the seed of their dropout. 8 is ours, for time; a mean over more is steadier.

    Raises:
        InputError: no passes were made, as where the model has no dropout.
    """
    if p.dropout is None:
        raise InputError("score 'mc_dropout_entropy' needs passes with dropout; the model has no dropout")
    return total_entropy(p.dropout)
