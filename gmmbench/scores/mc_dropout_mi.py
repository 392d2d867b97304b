"""Mutual information of Monte-Carlo dropout."""

from __future__ import annotations

from torch import Tensor

from gmmbench.errors import InputError
from gmmbench.prediction import Prediction
from gmmbench.scores.committee import mutual_information


def mc_dropout_mi(p: Prediction, *, passes: int = 8, seed: int = 0) -> Tensor:
    """Mutual information H[E p] - E H[p] over passes with dropout on, (H, W) float32 in nats, at least 0.

    Mukhoti and Gal 2018, arXiv 1811.12709, for segmentation. Whoever predicts makes the passes and reads both
    options for that: how many, and the seed of their dropout. 8 is ours, for time; a mean over more is steadier.

    Raises:
        InputError: no passes were made, as where the model has no dropout.
    """
    if p.dropout is None:
        raise InputError("score 'mc_dropout_mi' needs passes with dropout; the model has no dropout")
    return mutual_information(p.dropout)
