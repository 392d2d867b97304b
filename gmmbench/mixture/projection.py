"""A plane to look at class means and features in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

RIDGE = 1e-3
"""Added to the covariance within classes, as a share of its mean variance: idle channels have no variance at all."""


@dataclass(frozen=True)
class Plane:
    """Two directions, float64.

    Attributes:
        kind: "Fisher", "pairs" or "PCA".
        centre: (D,), the mean of the class means.
        axes: (2, D); a row of zeros where there is no second direction.
        between: (2,), share of the class means' variance along each direction, in the metric of ``kind``.
        accuracy: share of the features, classes counted alike, that in the plane lie nearest to the mean of their own
            class, by Mahalanobis' distance of the pooled covariance within classes.
    """

    kind: str
    centre: Tensor
    axes: Tensor
    between: Tensor
    accuracy: float

    def __call__(self, x: Tensor) -> Tensor:
        """(..., D) to (..., 2) float64."""
        return (x.double().cpu() - self.centre) @ self.axes.t()


def best_plane(features: Tensor, labels: Tensor) -> Plane:
    """Of three kinds of plane the one in which more features lie nearest to their own class.

    "Fisher": the directions of most variance between class means against that within classes (Fisher 1936, Rao 1948),
    in units of the standard deviation within classes. "pairs": the same of pairs of classes that count alike, however
    far apart they are, so that a class far from all others does not decide alone; a weighted pairwise criterion as
    Loog, Duin and Haeb-Umbach (2001) propose them, with the squared distance's inverse as weight. "PCA": the directions
    of most variance between class means as it is. Classes count alike, whatever their number of features.

    Args:
        features: (N, D), of at least one class.
        labels: (N,) int64.
    """
    present, labels = torch.unique(labels, return_inverse=True)  # type: ignore[no-untyped-call]
    x, classes = features.double().cpu(), len(present)
    means = torch.zeros(classes, x.shape[1], dtype=torch.float64).index_add_(0, labels, x)
    means = means / torch.bincount(labels)[:, None]
    makers: dict[str, Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]] = {
        "Fisher": _fisher, "pairs": _pairs, "PCA": _pca,
    }  # fmt: skip
    planes = []
    for kind, make in makers.items():
        axes, between = make(means - means.mean(dim=0), covariance_within(x, labels, means))
        plane = Plane(kind, means.mean(dim=0), axes, between, 0.0)
        planes.append(Plane(kind, plane.centre, axes, between, accuracy(plane(x), labels, plane(means))))
    return max(planes, key=lambda plane: plane.accuracy)


def covariance_within(x: Tensor, labels: Tensor, means: Tensor) -> Tensor:
    """(D, D), the mean of the covariances of the classes that have more than one feature; labels are 0 to K - 1."""
    numbers = torch.bincount(labels, minlength=len(means)).double()
    share = torch.where(numbers > 1, 1 / numbers, 0.0)
    left = (x - means[labels]) * share[labels, None].sqrt()
    within: Tensor = left.t() @ left / (numbers > 1).sum().clamp(min=1)
    return within


def accuracy(points: Tensor, labels: Tensor, means: Tensor) -> float:
    """Share of (N, 2) points that lie nearest to the mean of their own class, (K, 2); each class counts alike."""
    root = _root(covariance_within(points, labels, means))
    white, centres = (torch.linalg.solve_triangular(root, p.t(), upper=False).t() for p in (points, means))
    right = (torch.cdist(white, centres).argmin(dim=1) == labels).double()
    hits = torch.zeros(len(means), dtype=torch.float64).index_add_(0, labels, right)
    return float((hits / torch.bincount(labels, minlength=len(means))).mean())


def _fisher(means: Tensor, within: Tensor) -> tuple[Tensor, Tensor]:
    root = _root(within)
    white = torch.linalg.solve_triangular(root, means.t(), upper=False)
    directions, between = _principal(white.t())
    return torch.linalg.solve_triangular(root.t(), directions.t(), upper=True).t(), between


def _pairs(means: Tensor, within: Tensor) -> tuple[Tensor, Tensor]:
    root = _root(within)
    white = torch.linalg.solve_triangular(root, means.t(), upper=False).t()
    first, second = torch.triu_indices(len(white), len(white), offset=1)
    apart = white[first] - white[second]
    far = apart.norm(dim=1, keepdim=True)
    directions, _ = _principal(apart / far.clamp(min=1e-12))
    along = (white @ directions.t()).square().sum(dim=0) / white.square().sum().clamp(min=1e-300)
    return torch.linalg.solve_triangular(root.t(), directions.t(), upper=True).t(), along


def _pca(means: Tensor, within: Tensor) -> tuple[Tensor, Tensor]:
    return _principal(means)


def _root(covariance: Tensor) -> Tensor:
    """Cholesky factor, lifted by the ridge; of no variance at all, by the smallest number."""
    lift = RIDGE * covariance.diagonal().mean() + 1e-30
    root: Tensor = torch.linalg.cholesky(covariance + lift * torch.eye(len(covariance), dtype=torch.float64))
    return root


def _principal(means: Tensor) -> tuple[Tensor, Tensor]:
    """(2, D) principal directions of (K, D) centred means, and (2,) their share of the variance."""
    if not len(means):
        means = means.new_zeros(1, means.shape[1])
    _, scale, directions = torch.linalg.svd(means, full_matrices=False)
    share = scale.square() / scale.square().sum().clamp(min=1e-300)
    # A direction and its opposite are one: the larger entry is to be positive, on every machine.
    largest = directions.gather(1, directions.abs().argmax(dim=1, keepdim=True))
    directions = directions * torch.where(largest < 0, -1.0, 1.0)
    axes, between = torch.zeros(2, means.shape[1], dtype=torch.float64), torch.zeros(2, dtype=torch.float64)
    axes[: len(directions)], between[: len(share)] = directions[:2], share[:2]
    return axes, between
