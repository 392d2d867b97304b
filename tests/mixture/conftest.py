"""Mixtures of every covariance, fitted to made-up features of three classes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from gmmbench.gmm.fit import fit, seeded_shares
from gmmbench.gmm.mixture import Mixture
from gmmbench.mixture import ClassMixtures

CLASSES, COMPONENTS, DIM = 3, 2, 6
OPTIONS = {"low_rank": {"rank": 2}}

Make = Callable[..., ClassMixtures]


@pytest.fixture
def features() -> tuple[Tensor, Tensor]:
    """(600, 6) float32 and (600,) labels: two blobs a class."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(600) % CLASSES
    centres = 3 * torch.randn(CLASSES, 2, DIM, generator=generator)
    blob = (torch.arange(600) // CLASSES) % 2
    x = centres[labels, blob] + torch.randn(600, DIM, generator=generator) * torch.linspace(0.5, 1.5, DIM)
    return x, labels


@pytest.fixture
def make(features: tuple[Tensor, Tensor]) -> Make:
    """A covariance's name to fitted mixtures with uniform weights; ``best=True``: without weights."""

    def mixtures(covariance: str = "full", *, best: bool = False) -> ClassMixtures:
        x, labels = features
        mixture = Mixture(
            CLASSES, COMPONENTS, DIM, covariance=covariance, unit=False, floor=0.01, **OPTIONS.get(covariance, {})
        )
        fit(mixture, x, labels, seeded_shares(x, labels, CLASSES, COMPONENTS, torch.Generator().manual_seed(1)))
        weights = None if best else torch.full((CLASSES, COMPONENTS), 1 / COMPONENTS)
        return ClassMixtures(mixture, CLASSES, torch.nn.Identity(), weights)

    return mixtures
