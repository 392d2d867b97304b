"""Mahalanobis distance, one covariance for all classes."""

from __future__ import annotations

from torch import Tensor

from gmmbench.prediction import Prediction
from gmmbench.scores.columns import columns_of
from gmmbench.scores.gaussian import by_class, nearest_tied, tied_covariance, whitening
from gmmbench.scores.raster import score_of_rows
from gmmbench.scores.training_pixels import State, TrainingPixels


def fit(pixels: TrainingPixels) -> State:
    """Means of the classes that have pixels, and the covariance S of all pixels about their own class's mean.

    A singular S (a constant channel, fewer pixels than channels) is inverted with a ridge of 1e-9 of its mean
    variance: what never varied in training weighs much, and the score is large there but finite.

    Returns:
        "centre" (D,), "white" (D, D) with white^T white = S^-1, "means" (K, D), whitened; float32.
    """
    groups = by_class(pixels)
    white, centre = whitening(tied_covariance(pixels, groups)), groups.mean
    return {
        "centre": centre.float(),
        "white": white.float(),
        "means": ((groups.means - centre) @ white.t()).float(),
    }


def mahalanobis(p: Prediction, state: State) -> Tensor:
    """min_c (f - mu_c)^T S^-1 (f - mu_c), squared, (H, W) float32, at least 0.

    Lee et al. 2018, arXiv 1807.03888, on the features that the classifier reads alone: without the paper's step on
    the input, and without its logistic regression over layers, which needs anomalies.

    Computed at the features' resolution. Raises InputError where the model gives no features.
    """
    return score_of_rows(distances(columns_of(p), state), p)


def distances(x: Tensor, state: State) -> Tensor:
    """(D, N) features, a column a pixel, to (N,) squared distances."""
    return nearest_tied(x, state["centre"], state["white"], state["means"])
