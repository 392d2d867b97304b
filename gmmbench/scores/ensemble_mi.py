"""Mutual information of a deep ensemble."""

from __future__ import annotations

from torch import Tensor

from gmmbench.errors import InputError
from gmmbench.prediction import Prediction
from gmmbench.scores.committee import mutual_information


def ensemble_mi(p: Prediction) -> Tensor:
    """Mutual information H[E p] - E H[p] over the networks, (H, W) float32 in nats, at least 0.

    Of members trained from different seeds, Lakshminarayanan et al. 2017, arXiv 1612.01474; the mutual
    information as in Mukhoti and Gal 2018, arXiv 1811.12709.

    Raises:
        InputError: only one network was given.
    """
    if p.ensemble is None:
        raise InputError("score 'ensemble_mi' needs several checkpoints; give more than one")
    return mutual_information(p.ensemble)
