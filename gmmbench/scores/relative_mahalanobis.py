"""Relative Mahalanobis distance."""

from __future__ import annotations

import torch
from torch import Tensor

from gmmbench.prediction import Prediction
from gmmbench.scores.columns import columns_of
from gmmbench.scores.gaussian import by_class, tied_covariance, whitening
from gmmbench.scores.raster import score_of_rows
from gmmbench.scores.training_pixels import State, TrainingPixels


def fit(pixels: TrainingPixels) -> State:
    """The directions in which the two distances differ, and both Gaussians there.

    The covariance about the mean of all pixels is S_0 = S + B, B being that of the class means. In coordinates y
    where S is the identity and B diagonal, S_0 is 1 + b_d, and in all but K - 1 directions b_d = 0: there both
    distances are the same and cancel. What is left is Fisher's discriminant subspace. S has the ridge of
    ``mahalanobis``, and so has S_0.

    Returns:
        "centre" (D,), the mean of all; "axes" (R, D), f - centre to y, R = K - 1 or D if that is less; "means"
        (K, R), the class means in y; "shrink" (R,), 1 / (1 + b_d); float32. One class alone has R = 0.
    """
    groups = by_class(pixels)
    white = whitening(tied_covariance(pixels, groups))
    means = (groups.means - groups.mean) @ white.t()
    between = (means.t() * (groups.counts / groups.counts.sum())) @ means
    spread, turn = torch.linalg.eigh(between)
    rank = min(len(means) - 1, len(between))
    turn, spread = turn[:, len(between) - rank :], spread[len(between) - rank :]
    return {
        "centre": groups.mean.float(),
        "axes": (turn.t() @ white).float(),
        "means": (means @ turn).float(),
        "shrink": 1 / (1 + spread.clamp(min=0)).float(),
    }


def relative_mahalanobis(p: Prediction, state: State) -> Tensor:
    """min_c M_c - M_0, M_c = (f - mu_c)^T S^-1 (f - mu_c), M_0 the same of one Gaussian for all, (H, W) float32.

    Ren et al. 2021, arXiv 2106.09022: what a feature has of the background, which all classes share, is taken away.
    Squared distances as in the paper; it may be negative. Where training had one class it is 0.

    Computed at the features' resolution. Raises InputError where the model gives no features.
    """
    y = state["axes"] @ (columns_of(p) - state["centre"][:, None])
    means = state["means"]
    # |y - m_c|^2 - sum_d y_d^2 / (1 + b_d): the squares of y cancel on paper, not after rounding.
    common = (1 - state["shrink"]) @ y.square()
    nearest = torch.addmm(means.square().sum(dim=1, keepdim=True), means, y, alpha=-2).amin(dim=0)
    return score_of_rows(common + nearest, p)
