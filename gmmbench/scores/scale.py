"""Activation scaling."""

from __future__ import annotations

from torch import Tensor

from gmmbench.prediction import Prediction
from gmmbench.scores.ash import pruned
from gmmbench.scores.head_energy import head_energy
from gmmbench.scores.resolution import features_of, head_of


def scale(p: Prediction, *, percentile: float = 85.0) -> Tensor:
    """Energy of scaled features, (H, W) float32: SCALE (Xu et al. 2024, arXiv 2310.00227).

    As ASH-S, but nothing is pruned: all channels of a pixel are multiplied by exp(sum of all / sum of those at or
    above the percentile). Percentile 85 is the authors' (kai422/SCALE, configs/postprocessors/scale.yml).

    Raises:
        InputError: no features, no linear classifier, or a percentile out of range.
    """
    head, features = head_of(p), features_of(p).t()
    _, ratio = pruned(features, percentile)
    return head_energy(features * ratio.exp_(), head, p)
