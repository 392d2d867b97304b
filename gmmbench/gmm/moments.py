"""How many features, their mean and their spread: all that an M-step needs to know of them."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

LEAST = 1e-12
"""Features: a component with a smaller share of all that came got nothing."""


class Moments(NamedTuple):
    """Of G groups of features in R^D.

    Attributes:
        weight: (G,) float32, how many features, fractions where responsibilities are soft.
        mean: (G, D); 0 where the weight is.
        spread: second central moments, (G, D) variances or (G, D, D) covariances; 0 where the weight is.
    """

    weight: Tensor
    mean: Tensor
    spread: Tensor


def no_moments(groups: int, dim: int, *, joint: bool) -> Moments:
    """Of nothing yet; ``joint`` = with covariances."""
    spread = torch.zeros((groups, dim, dim) if joint else (groups, dim))
    return Moments(torch.zeros(groups), torch.zeros(groups, dim), spread)


def gather_moments(features: Tensor, responsibility: Tensor, labels: Tensor, classes: int, *, joint: bool) -> Moments:
    """Moments of all components of all classes, G = C * M, from features and their shares in them.

    Args:
        features: (N, D) float32.
        responsibility: (N, M), each feature's shares in the components of its own class.
        labels: (N,) int64, 0 to C - 1.
        classes: C.
        joint: covariances, not only variances.
    """
    components = responsibility.shape[1]
    moments = no_moments(classes * components, features.shape[1], joint=joint)
    weight, mean, spread = (part.to(features) for part in moments)
    order = torch.argsort(labels, stable=True)
    sizes = torch.bincount(labels, minlength=classes).tolist()
    rows = zip(torch.split(features[order], sizes), torch.split(responsibility[order], sizes), strict=True)
    for c, (x, share) in enumerate(rows):
        if not len(x):
            continue
        mine = slice(c * components, (c + 1) * components)
        total = share.sum(dim=0)
        # Less than that of a feature is none: there is no dividing by it.
        weight[mine] = torch.where(total >= LEAST, total, 0.0)
        share = torch.where(total >= LEAST, share / total.clamp(min=LEAST), 0.0)
        mean[mine] = share.t() @ x
        for m in range(components):
            # About its own mean, not by E[x^2] - E[x]^2, which cancels in float32.
            off = x - mean[mine][m]
            weighted = off * share[:, m, None]
            spread[mine][m] = weighted.t() @ off if joint else (weighted * off).sum(dim=0)
    return Moments(weight, mean, spread)


def merge(a: Moments, b: Moments) -> Moments:
    """Moments of both together (Chan, Golub and LeVeque 1983): no sum of squares is ever formed."""
    weight = a.weight + b.weight
    share = torch.where(weight > 0, b.weight / weight.clamp(min=LEAST), 0.0)[:, None]
    gap = b.mean - a.mean
    joint = a.spread.dim() == 3
    pull = share[..., None] if joint else share
    spread = a.spread + pull * (b.spread - a.spread) + pull * (1 - pull) * outer(gap, joint=joint)
    return Moments(weight, a.mean + share * gap, spread)


def about(moments: Moments, centre: Tensor) -> Tensor:
    """Second moments about (G, D) ``centre`` instead of the mean; shaped as ``moments.spread``."""
    return moments.spread + outer(moments.mean - centre, joint=moments.spread.dim() == 3)


def outer(x: Tensor, *, joint: bool) -> Tensor:
    """Squares (G, D), or outer products (G, D, D) where ``joint``."""
    return x[:, :, None] * x[:, None, :] if joint else x.square()
