"""Gaussians of training pixels: class means, covariances, and squared distances to them by matrix products."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from gmmbench.scores.training_pixels import TrainingPixels

RIDGE = 1e-9
"""Added to all variances, as a share of their mean. Singular covariances (a constant channel, fewer pixels than
channels) get an inverse, in which what never varied in training weighs much; others keep theirs to 1e-9 of it."""

LEAST_RIDGE = 1e-12
"""The ridge where no channel varies at all, in squared units of the features."""

FIT_ROWS = 16_384
"""Pixels that a fit holds in float64 at once."""

BLOCK = 1 << 17
"""Numbers that a block of whitened features holds: 512 KiB of float32 stay in a core's own cache."""

LEVELS = 8
"""Into how many bands of rows a triangular matrix is cut: bands of equal height, each as wide as its last row. Eight
leave out 7/16 of the multiplications, all of them with zeros; more save little."""


class Groups(NamedTuple):
    """Training pixels by class; the K classes that have pixels, in the order of their numbers.

    Attributes:
        owner: (N,) int64, the place of each pixel's class among the K.
        counts: (K,) float64, pixels.
        means: (K, D) float64.
    """

    owner: Tensor
    counts: Tensor
    means: Tensor

    @property
    def mean(self) -> Tensor:
        """(D,) float64, of all pixels."""
        return (self.counts / self.counts.sum()) @ self.means


def by_class(pixels: TrainingPixels) -> Groups:
    """Counts and means of the classes that have pixels. A class without any is no group: no distance is to it."""
    present, owner, counts = torch.unique(pixels.labels, return_inverse=True, return_counts=True)  # type: ignore[no-untyped-call]
    sums = torch.zeros(len(present), pixels.features.shape[1], dtype=torch.float64)
    for rows in parts(len(owner), FIT_ROWS):
        sums.index_add_(0, owner[rows], pixels.features[rows].double())
    return Groups(owner, counts.double(), sums / counts[:, None])


def tied_covariance(pixels: TrainingPixels, groups: Groups) -> Tensor:
    """(D, D) float64, of all pixels about their own class's mean, divided by N (Lee et al. 2018)."""
    total = pixels.features.new_zeros((pixels.features.shape[1],) * 2, dtype=torch.float64)
    for rows in parts(len(groups.owner), FIT_ROWS):
        off = pixels.features[rows].double() - groups.means[groups.owner[rows]]
        total += off.t() @ off
    return total / len(groups.owner)


def class_covariances(pixels: TrainingPixels, groups: Groups) -> Iterator[Tensor]:
    """(D, D) float64 of each of the K classes in turn, about its mean, divided by its count."""
    for own, mean in enumerate(groups.means):
        mine = (groups.owner == own).nonzero().squeeze(1)
        total = torch.zeros(len(mean), len(mean), dtype=torch.float64)
        for rows in parts(len(mine), FIT_ROWS):
            off = pixels.features[mine[rows]].double() - mean
            total += off.t() @ off
        yield total / len(mine)


def whitening(covariance: Tensor) -> Tensor:
    """(D, D) float64, the inverse Cholesky factor of a covariance with the ridge: ``|W (f - mu)|^2`` is a distance."""
    ridge = max(RIDGE * float(covariance.diagonal().mean()), LEAST_RIDGE)
    eye = torch.eye(len(covariance), dtype=torch.float64)
    factor = torch.linalg.cholesky(covariance + ridge * eye)
    inverse: Tensor = torch.linalg.solve_triangular(factor, eye, upper=False)
    return inverse


def nearest_tied(x: Tensor, centre: Tensor, white: Tensor, means: Tensor) -> Tensor:
    """The squared Mahalanobis distance to the nearest of K means that share a covariance.

    The covariance's part of the square is common to all means, so which mean is nearest costs a pixel one product
    with a (D, D) matrix and one with the (K, D) means. The distance itself is then taken as a difference: the expanded
    square loses all digits where classes lie many standard deviations apart.

    Args:
        x: (D, N) float32, a column a pixel.
        centre: (D,) float32.
        white: (D, D) float32 ``whitening``.
        means: (K, D) float32, ``white @ (mu_k - centre)``.

    Returns:
        (N,) float32, at least 0.
    """
    least = x.new_empty(x.shape[1])
    offsets = means.square().sum(dim=1, keepdim=True)
    for some in parts(x.shape[1], max(1, BLOCK // len(x))):
        y = white @ (x[:, some] - centre[:, None])
        squares = torch.addmm(offsets, means, y, alpha=-2)
        nearest = torch.zeros_like(squares).scatter_(0, squares.argmin(dim=0, keepdim=True), 1.0)
        least[some] = torch.addmm(y, means.t(), nearest, alpha=-1).square_().sum(dim=0)  # a gather takes longer
    return least


def squares_of_own(x: Tensor, centre: Tensor, whites: Tensor, means: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """Squared Mahalanobis distances to each of K means with a covariance of its own, some pixels at a time.

    Args:
        x: (D, N) float32, a column a pixel.
        centre: (D,) float32.
        whites: (K, D, D) float32, lower triangular.
        means: (K, D) float32, ``whites[k] @ (mu_k - centre)``.

    Yields:
        Which columns, and their (K, n) float32 squares, at least 0.
    """
    classes, dim = means.shape
    height = -(-dim // LEVELS)
    bands = [
        (whites[:, top : top + height, : top + height].flatten(0, 1), -means[:, top : top + height].reshape(-1, 1))
        for top in range(0, dim, height)
    ]
    for some in parts(x.shape[1], max(1, BLOCK // (classes * height))):
        off = x[:, some] - centre[:, None]
        squares = off.new_zeros(classes, off.shape[1])
        for band, shift in bands:
            y = torch.addmm(shift, band, off[: band.shape[1]])
            squares += y.view(classes, -1, off.shape[1]).square_().sum(dim=1)
        yield some, squares


def parts(total: int, size: int) -> Iterator[slice]:
    """``range(total)`` in slices of at most ``size``."""
    return (slice(start, start + size) for start in range(0, total, size))
