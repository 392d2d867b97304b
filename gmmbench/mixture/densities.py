"""The mixtures of all classes as a model's density reads them, trained with the network or fitted afterwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from gmmbench.gmm.mixture import Mixture


@dataclass(frozen=True)
class ClassMixtures:
    """C classes of M Gaussians.

    Attributes:
        mixture: of C classes or more; those after the first C (void) are left out.
        classes: C.
        embed: (N, D') features of a ``Prediction`` to (N, D) features as the mixture reads them.
        weights: (C, M) float32, what each Gaussian counts in its class, 0 to 1. ``None``: a class's density is that of
            its likeliest Gaussian, which knows no weights.
    """

    mixture: Mixture
    classes: int
    embed: Callable[[Tensor], Tensor]
    weights: Tensor | None

    @property
    def started(self) -> Tensor:
        """(C, M) bool: which Gaussians have been given pixels."""
        return self.mixture.started[: self.classes]

    @property
    def means(self) -> Tensor:
        """(C, M, D) float32, as the density reads them."""
        return self.mixture.directed_means()[: self.classes]

    def components(self, features: Tensor) -> Tensor:
        """(N, D) embedded features to (N, C, M) log-densities in nats."""
        logs: Tensor = self.mixture(features)
        return logs[:, : self.classes]

    def class_density(self, components: Tensor) -> Tensor:
        """(N, C, M) to (N, C) log p(x | c) in nats; -inf of a class of which no Gaussian has been given pixels."""
        weighted = components if self.weights is None else components + self.weights.log()
        density = weighted.amax(dim=2) if self.weights is None else weighted.logsumexp(dim=2)
        return torch.where(self.started.any(dim=1), density, -torch.inf)

    def responsibility(self, components: Tensor, labels: Tensor) -> Tensor:
        """(N, M) share of each Gaussian of a pixel's own class in the pixel, summing to one.

        Bayes' rule within the class, with its weights; with equal ones where the density knows none. NaN for pixels of
        classes without a Gaussian that was given pixels.

        Args:
            components: (N, C, M) in nats.
            labels: (N,) int64, 0 to C - 1.
        """
        own = components[torch.arange(len(labels), device=labels.device), labels]
        if self.weights is not None:
            own = own + self.weights.log()[labels]
        there = self.started[labels]
        return torch.where(there, own, -torch.inf).softmax(dim=1)
