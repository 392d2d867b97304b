"""Sizes and shadows against the density itself: its value at the mean, and elsewhere."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch

from gmmbench.gmm.covariance import COVARIANCES
from gmmbench.mixture import ClassMixtures
from gmmbench.mixture.gaussians import factor, log_determinant, shapes

Make = Callable[..., ClassMixtures]


@pytest.mark.parametrize("name", COVARIANCES)
def test_against_the_density(make: Make, name: str) -> None:
    mixtures = make(name)
    covariance, dim = mixtures.mixture.covariance.double(), mixtures.means.shape[2]
    axes = torch.randn(2, dim, dtype=torch.float64)
    spread, flat = shapes(covariance, 6, axes)
    for group in range(6):
        root = factor(covariance, group)
        at_mean = covariance.log_prob(mixtures.means.flatten(0, 1).double(), mixtures.means.flatten(0, 1).double())
        expected = -2 * float(at_mean[group, group]) - dim * math.log(2 * math.pi)
        assert log_determinant(covariance, group) == pytest.approx(expected, abs=1e-6)
        sigma = root @ root.t()
        assert float(torch.linalg.slogdet(sigma).logabsdet) == pytest.approx(expected, abs=1e-6)
        assert float(spread[group]) == pytest.approx(math.sqrt(float(sigma.trace()) / dim))
        assert torch.allclose(flat[group], axes @ sigma @ axes.t())


@pytest.mark.parametrize("name", COVARIANCES)
def test_against_distances(make: Make, name: str) -> None:
    """The factor gives the squared distance that the log-density holds."""
    mixtures = make(name)
    covariance = mixtures.mixture.covariance.double()
    means = mixtures.means.flatten(0, 1).double()
    x = torch.randn(5, means.shape[1], dtype=torch.float64)
    logs = covariance.log_prob(x, means)
    for group in range(6):
        root = factor(covariance, group)
        left = x - means[group]
        squares = (left @ torch.linalg.inv(root @ root.t()) * left).sum(dim=1)
        expected = -0.5 * (squares + log_determinant(covariance, group) + x.shape[1] * math.log(2 * math.pi))
        assert torch.allclose(logs[:, group], expected, atol=1e-5)
