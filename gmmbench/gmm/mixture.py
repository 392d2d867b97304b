"""The Gaussians of all classes: what EM moves and descent must not."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gmmbench.gmm.covariance import COVARIANCES
from gmmbench.gmm.moments import Moments

UNSEEN = -1e6
"""Added to the log-density, in nats, of a component that no feature has yet been assigned to."""


class Mixture(nn.Module):
    """M Gaussians a class. Buffers: ``means`` (C, M, D), ``started`` (C, M) bool, and the covariance's own.

    A component that never got a feature, or all of a class that training never showed, stands at
    the origin, ``UNSEEN`` nats down: never predicted, and no density for an anomaly to hide under.

    Args:
        classes, components, dim: C, M, D.
        covariance: a name of ``COVARIANCES``; ``options`` are its own.
        unit: means are read at unit length, as the released GMMSeg does.
    """

    means: Tensor
    started: Tensor

    def __init__(self, classes: int, components: int, dim: int, *, covariance: str, unit: bool, **options: Any) -> None:
        super().__init__()
        self.unit = unit
        self.register_buffer("means", torch.zeros(classes, components, dim))
        self.register_buffer("started", torch.zeros(classes, components, dtype=torch.bool))
        self.covariance = COVARIANCES[covariance](classes * components, dim, **options)

    def start_at_random(self, generator: torch.Generator) -> None:
        """Means at random directions, unit covariances: where the released GMMSeg starts."""
        nn.init.trunc_normal_(self.means, std=0.02, generator=generator)
        self.started.fill_(True)

    def forward(self, x: Tensor) -> Tensor:
        """(N, D) features to (N, C, M) log-densities in nats."""
        with torch.autocast(x.device.type, enabled=False):
            logs = self.covariance.log_prob(x, self.directed_means().flatten(0, 1))
            return logs.view(x.shape[0], *self.started.shape) + torch.where(self.started, 0.0, UNSEEN)

    def directed_means(self) -> Tensor:
        """(C, M, D), at unit length where asked for."""
        return F.normalize(self.means, dim=2) if self.unit else self.means

    @torch.no_grad()
    def fit(self, means: Tensor, spread: Tensor, moments: Moments, classes: Tensor) -> None:
        """Move the components of the given (C,) bool classes to (G, D) means and second moments ``spread``."""
        chosen = classes.repeat_interleave(self.means.shape[1]) & (moments.weight > 0)
        shape = self.started.shape
        self.means.copy_(torch.where(chosen.view(*shape, 1), means.view_as(self.means), self.means))
        self.covariance.fit(spread, moments.weight, chosen)
        self.started.logical_or_(chosen.view(shape))
