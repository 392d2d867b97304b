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
        InputError: no features, no linear classifier, or a percentile that keeps no channel.
    """
    head, features = head_of(p), features_of(p).t()
    kept, ratio = pruned(features, percentile)
    return head_energy(kept.mul_(ratio.exp()), head, p)


def pruned(features: Tensor, percentile: float) -> tuple[Tensor, Tensor]:
    """What ASH and SCALE prune.

    Args:
        features: (D, N), a column a pixel.
        percentile: 0 to 100: of D channels, D - round(D percentile / 100) stay, and all that equal the smallest
            of them, so that the order of channels does not matter.

    Returns:
        (D, N) features with the others set to 0, and (N,) the sum of all over the sum of those kept. Where no
        feature is negative the ratio lies in [1, D / kept]; it is held to that upper end where some are, and is 1
        where all are 0.

    Raises:
        InputError: a percentile that keeps no channel.
    """
    channels = len(features)
    keep = channels - round(channels * percentile / 100) if 0 <= percentile < 100 else 0
    if keep < 1:
        raise InputError(f"percentile={percentile:g} keeps none of {channels} channels; wanted 0 or more, below 100")
    smallest = features.t().topk(keep, dim=1, sorted=False).values.amin(dim=1)
    kept = torch.where(features >= smallest, features, 0.0)
    ratio = features.sum(dim=0) / kept.sum(dim=0)
    return kept, ratio.nan_to_num_(nan=1.0).clamp_(max=channels / keep)
