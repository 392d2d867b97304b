"""Predictive entropy of a deep ensemble."""

from __future__ import annotations

from torch import Tensor

from gmmbench.errors import InputError
from gmmbench.prediction import Prediction
from gmmbench.scores.committee import total_entropy


def ensemble_entropy(p: Prediction) -> Tensor:
    """Entropy H[E p] of the mean posterior over the networks, (H, W) float32 in nats, 0 to log C.

    Lakshminarayanan et al. 2017, arXiv 1612.01474: members trained from different seeds.

    Raises:
        InputError: only one network was given.
    """
    if p.ensemble is None:
        raise InputError("score 'ensemble_entropy' needs several checkpoints; give more than one")
    return total_entropy(p.ensemble)
