"""Planes against scikit-learn, and on classes made so that one kind of plane must win."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from gmmbench.mixture import projection
from gmmbench.mixture.projection import Plane, accuracy, best_plane, covariance_within


def blobs(centres: np.ndarray, spread: np.ndarray, each: int = 200) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(0)
    x = np.concatenate([centre + spread * rng.normal(size=(each, centres.shape[1])) for centre in centres])
    return torch.tensor(x), torch.arange(len(centres)).repeat_interleave(each)


def plane_of(kind: str, x: torch.Tensor, labels: torch.Tensor) -> Plane:
    means = torch.stack([x[labels == c].mean(dim=0) for c in range(int(labels.max()) + 1)])
    make = {"Fisher": projection._fisher, "pairs": projection._pairs, "PCA": projection._pca}[kind]
    axes, between = make(means - means.mean(dim=0), covariance_within(x, labels, means))
    return Plane(kind, means.mean(dim=0), axes, between, 0.0)


def test_fisher_is_linear_discriminant_analysis() -> None:
    rng = np.random.default_rng(1)
    x, labels = blobs(rng.normal(0, 3, (5, 7)), rng.uniform(0.3, 2, 7))
    plane = plane_of("Fisher", x, labels)
    theirs = LinearDiscriminantAnalysis(solver="eigen").fit(x.numpy(), labels.numpy())
    assert plane.between.numpy() == pytest.approx(theirs.explained_variance_ratio_[:2], abs=0.01)
    points, expected = plane(x).numpy(), theirs.transform(x.numpy())[:, :2]
    for axis in range(2):
        assert abs(np.corrcoef(points[:, axis], expected[:, axis])[0, 1]) > 0.999


def test_pca_is_that_of_the_means() -> None:
    rng = np.random.default_rng(2)
    x, labels = blobs(rng.normal(0, 3, (6, 4)), np.ones(4))
    plane = plane_of("PCA", x, labels)
    means = np.stack([x[labels == c].mean(dim=0).numpy() for c in range(6)])
    theirs = PCA(2).fit(means)
    assert plane.between.numpy() == pytest.approx(theirs.explained_variance_ratio_)
    assert np.abs((plane.axes.numpy() * theirs.components_).sum(axis=1)) == pytest.approx([1, 1])


def test_pairs_are_not_ruled_by_a_class_far_away() -> None:
    """Eight classes on a ring, and two far from all, each in a direction of its own."""
    turns = np.arange(8) * np.pi / 4
    centres = np.zeros((10, 4))
    centres[:8, 0], centres[:8, 1] = 6 * np.cos(turns), 6 * np.sin(turns)
    centres[8, 2], centres[9, 3] = 60, 60
    x, labels = blobs(centres, np.ones(4), 50)
    scores = {}
    for kind in ("Fisher", "pairs", "PCA"):
        plane = plane_of(kind, x, labels)
        means = torch.stack([plane(x)[labels == c].mean(dim=0) for c in range(10)])
        scores[kind] = accuracy(plane(x), labels, means)
    assert scores["pairs"] > 0.8 > 0.5 > scores["Fisher"]
    found = best_plane(x, labels)
    assert found.kind == "pairs"
    assert found.accuracy == pytest.approx(scores["pairs"])


def test_accuracy_by_hand() -> None:
    points = torch.tensor(
        [[0.0, 0.0], [1.0, 0.0], [9.0, 0.0], [10.0, 0.0], [0.0, 0.0], [1.0, 1.0]], dtype=torch.float64
    )
    labels = torch.tensor([0, 0, 1, 1, 1, 0])
    means = torch.tensor([[0.5, 0.3], [9.0, 0.0]], dtype=torch.float64)
    assert accuracy(points, labels, means) == pytest.approx((1 + 2 / 3) / 2)


@pytest.mark.parametrize("classes", [1, 2])
@pytest.mark.parametrize("dim", [1, 3])
def test_few_classes_and_channels_leave_a_direction_empty(classes: int, dim: int) -> None:
    x, labels = blobs(np.arange(classes * dim, dtype=float).reshape(classes, dim) * 5, np.ones(dim), 30)
    plane = best_plane(x, labels + 4)  # class numbers need not begin at 0
    assert torch.isfinite(plane(x)).all()
    assert plane(x).shape == (len(x), 2)
    assert plane.between[1] == pytest.approx(0, abs=1e-9)


def test_features_without_variance() -> None:
    plane = best_plane(torch.zeros(6, 3), torch.tensor([0, 0, 1, 1, 2, 2]))
    assert torch.isfinite(plane(torch.zeros(6, 3))).all()
