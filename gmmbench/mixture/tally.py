"""Sums over all labelled pixels, from which shares and mean densities are read."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gmmbench.mixture.densities import ClassMixtures
from gmmbench.mixture.gaussians import log_determinant

DEAD = 1e-3
"""A component with a smaller share of its class's pixels is called dead."""


class Tally:
    """What the pixels of each class add up to.

    Attributes:
        pixels: (C,) int64, of each class.
        share: (C, M) float64 sums of responsibilities within the class.
        distance: (C, M) float64, sums of responsibility times the squared Mahalanobis distance over D.
        own, margin: (C,) float64 sums of log p(x | own class), and of that less the best other class's, in nats.
        beaten: (C,) int64, pixels for which the best other class is the likelier one.
        nearest: (C, C) int64: of the pixels of a class (row), for how many each other class (column) is the best other.
    """

    def __init__(self, mixtures: ClassMixtures) -> None:
        classes, components = mixtures.started.shape
        self._mixtures, self._log_volume = mixtures, log_volumes(mixtures)
        self.pixels = torch.zeros(classes, dtype=torch.int64)
        self.share = torch.zeros(classes, components, dtype=torch.float64)
        self.distance = torch.zeros(classes, components, dtype=torch.float64)
        self.own = torch.zeros(classes, dtype=torch.float64)
        self.margin = torch.zeros(classes, dtype=torch.float64)
        self.beaten = torch.zeros(classes, dtype=torch.int64)
        self.nearest = torch.zeros(classes, classes, dtype=torch.int64)

    def add(self, components: Tensor, labels: Tensor) -> None:
        """Count (N, C, M) component log-densities of pixels with (N,) int64 labels, 0 to C - 1, on one device."""
        own, margin, other = against_others(self._mixtures.class_density(components), labels)
        shares, classes = self._mixtures.responsibility(components, labels).double().cpu(), len(self.pixels)
        logs, labels = components[torch.arange(len(labels)), labels].double().cpu(), labels.cpu()
        # log N = -(D log 2 pi + log |Sigma| + distance^2) / 2
        dim = self._mixtures.means.shape[2]
        squares = -2 * logs / dim - math.log(2 * math.pi) - self._log_volume[labels]
        self.distance.index_add_(0, labels, torch.where(shares > 0, shares * squares, 0.0))
        self.pixels += torch.bincount(labels, minlength=classes)
        self.share.index_add_(0, labels, shares)
        self.own.index_add_(0, labels, own.double().cpu())
        self.margin.index_add_(0, labels, margin.double().cpu())
        self.beaten += torch.bincount(labels[margin.cpu() < 0], minlength=classes)
        pairs = torch.bincount(labels * classes + other.cpu(), minlength=classes**2)
        self.nearest += pairs.view(classes, classes)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """What is read off the sums; NaN of a class without pixels. Names as in ``gmmbench.results.mixture``."""
        pixels = torch.where(self.pixels > 0, self.pixels, torch.nan).double()
        share, some = self.share / pixels[:, None], torch.where(self.share > 0, self.share, torch.nan)
        nearest = torch.where(self.pixels > 0, self.nearest.argmax(dim=1), -1)
        nearest_share = self.nearest.amax(dim=1) / pixels
        return {
            "pixels": self.pixels.numpy(),
            "share": share.numpy(),
            "distance": (self.distance / some).numpy(),
            "dead": (share < DEAD).numpy(),
            "effective": effective_number(share).numpy(),
            "own_mean": (self.own / pixels).numpy(),
            "margin_mean": (self.margin / pixels).numpy(),
            "beaten": (self.beaten / pixels).numpy(),
            "next_class": nearest.numpy(),
            "next_share": nearest_share.numpy(),
        }


def against_others(density: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """How far each pixel's own class lies above the best other one.

    Args:
        density: (N, C) log p(x | c) in nats, C at least 2; -inf where a class has no density.
        labels: (N,) int64, 0 to C - 1.

    Returns:
        (N,) log p(x | own class); (N,) that less the best other class's; (N,) int64 the best other class. The first two
        are NaN where the own class has no density.
    """
    own = density.gather(1, labels[:, None]).squeeze(1)
    own = torch.where(own.isfinite(), own, torch.nan)
    best, other = density.scatter(1, labels[:, None], -torch.inf).max(dim=1)
    return own, own - best, other


def effective_number(share: Tensor) -> Tensor:
    """(..., M) shares to (...,) exp(entropy): M where all are equal, 1 where one has all. NaN stays NaN."""
    number: Tensor = torch.special.entr(share).sum(dim=-1).exp()
    return number


def log_volumes(mixtures: ClassMixtures) -> Tensor:
    """(C, M) float64 ``log |Sigma| / D`` of each component, on the CPU."""
    covariance, started, dim = mixtures.mixture.covariance, mixtures.started, mixtures.means.shape[2]
    logs = [log_determinant(covariance, group) / dim for group in range(started.numel())]
    return torch.tensor(logs, dtype=torch.float64).view(started.shape)
