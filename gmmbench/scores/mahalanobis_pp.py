"""Mahalanobis distance of features at unit length."""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor
from torch.nn import functional as F

from gmmbench.prediction import Prediction
from gmmbench.scores import mahalanobis
from gmmbench.scores.columns import columns_of, unit_columns
from gmmbench.scores.raster import score_of_rows
from gmmbench.scores.training_pixels import State, TrainingPixels


def fit(pixels: TrainingPixels) -> State:
    """As ``mahalanobis.fit``, of f / |f|; a feature of zeros stays one."""
    return mahalanobis.fit(replace(pixels, features=F.normalize(pixels.features, dim=1)))


def mahalanobis_pp(p: Prediction, state: State) -> Tensor:
    """min_c (g - mu_c)^T S^-1 (g - mu_c) with g = f / |f|, squared, (H, W) float32, at least 0.

    Mahalanobis++, Mueller and Hein 2025 (code: mueller-mp/maha-norm): the lengths of features vary more than Gaussians
    allow, so they are brought to unit length, in training and here. One covariance for all classes.

    Computed at the features' resolution. Raises InputError where the model gives no features.
    """
    return score_of_rows(mahalanobis.distances(unit_columns(columns_of(p)), state), p)
