"""Some of the pixels of each class of many images, drawn alike from all of them."""

from __future__ import annotations

import torch
from torch import Tensor


class UniformSample:
    """At most so many features a class, each pixel of a class as likely as any other, in one pass and in fixed memory.

    Every pixel draws a random number, and the pixels with the smallest ones stay. So the sample speaks for the pixels
    of a class, as means over all of them do; ``gmmbench.gmm.sample.BalancedSample`` speaks for its images.

    Args:
        classes: C.
        capacity: most features of a class.
        generator: on the CPU, the only source of chance.
    """

    def __init__(self, classes: int, capacity: int, generator: torch.Generator) -> None:
        self._capacity, self._generator = capacity, generator
        self._features: list[Tensor | None] = [None] * classes
        self._draws: list[Tensor] = [torch.empty(0, dtype=torch.float64) for _ in range(classes)]

    def add(self, features: Tensor, labels: Tensor) -> None:
        """Offer (N, D) float32 features with (N,) int64 labels, 0 to C - 1, both on the CPU."""
        for c in torch.unique(labels).tolist():
            rows = (labels == c).nonzero().squeeze(1)
            drawn = torch.rand(len(rows), generator=self._generator, dtype=torch.float64)
            kept = self._features[c]
            have = features.new_empty(0, features.shape[1]) if kept is None else kept
            draws = torch.cat([self._draws[c], drawn])
            best = draws.topk(min(self._capacity, len(draws)), largest=False, sorted=False).indices.sort().values
            old, new = best[best < len(have)], best[best >= len(have)] - len(have)
            self._features[c] = torch.cat([have[old], features[rows[new]]])
            self._draws[c] = draws[best]

    def read(self, most: int | None = None) -> tuple[Tensor, Tensor]:
        """(n, D) features and (n,) int64 labels, ordered by class; at most so many a class, again any as likely."""
        features, labels = [], []
        for c, kept in enumerate(self._features):
            if kept is not None:
                some = self._draws[c].argsort()[:most]
                features.append(kept[some])
                labels.append(torch.full((len(some),), c))
        if not features:
            return torch.empty(0, 0), torch.empty(0, dtype=torch.int64)
        return torch.cat(features), torch.cat(labels)
