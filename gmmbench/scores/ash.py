"""Activation shaping."""

from __future__ import annotations

import torch
from torch import Tensor

from gmmbench.errors import InputError
from gmmbench.prediction import Prediction
from gmmbench.scores.head_energy import head_energy
from gmmbench.scores.resolution import features_of, head_of


def ash(p: Prediction, *, percentile: float = 90.0) -> Tensor:
    """Energy of pruned and scaled features, (H, W) float32: ASH-S (Djurisic et al. 2023, arXiv 2209.09858).

    At each pixel the channels below the percentile of that pixel's channels become 0, the others are multiplied
    by exp(sum of all / sum of those kept). Percentile 90 is the authors' for ImageNet (andrijazz/ash,
    config/imagenet_config.yml and mobilenet_config.yml: ash_s@90). Meant for features that are not negative, as
    after a ReLU.

    Raises:
        InputError: no features, no linear classifier, or a percentile out of range.
    """
    head, features = head_of(p), features_of(p).t()
    kept, ratio = pruned(features, percentile)
    return head_energy(kept.mul_(ratio.exp()), head, p)


def pruned(features: Tensor, percentile: float) -> tuple[Tensor, Tensor]:
    """What ASH and SCALE prune.

    Args:
        features: (D, N), a column a pixel.
        percentile: 0 to below 100: of D channels, D - round(D percentile / 100) stay, but at least one, and all that
            equal the smallest of them, so that the order of channels does not matter.

    Returns:
        (D, N) features with the others set to 0, and (N,) the sum of all over the sum of those kept. Where no
        feature is negative the ratio lies in [1, D / kept]; it is held to that upper end where some are, and is 1
        where all are 0.

    Raises:
        InputError: a percentile out of range.
    """
    channels = len(features)
    if not 0 <= percentile < 100:
        raise InputError(f"percentile={percentile:g}: wanted 0 or more, below 100")
    keep = max(1, channels - round(channels * percentile / 100))
    kept = torch.where(features >= _largest(features, keep), features, 0.0)
    total, of_kept = features.sum(dim=0), kept.sum(dim=0)
    ratio = torch.where(total == of_kept, 1.0, total / of_kept)  # not 0 / 0; features that are NaN stay so
    return kept, ratio.clamp_(max=channels / keep)


def _largest(features: Tensor, place: int) -> Tensor:
    """(N,) the ``place``-th largest of each column of (D, N)."""
    if features.is_cuda:
        return features.t().topk(place, dim=1, sorted=False).values.amin(dim=1)
    # numpy's partition takes a fifth of the time of torch's topk and kthvalue.
    rows = features.t().clone(memory_format=torch.contiguous_format)
    at = rows.shape[1] - place
    rows.numpy().partition(at, axis=1)
    return rows[:, at]
