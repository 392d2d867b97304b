"""Some of the pixels of many images, as evenly as classes and images allow."""

from __future__ import annotations

import torch
from torch import Tensor


class BalancedSample:
    """At most so many features a class, drawn from images in turn, in one pass and in fixed memory.

    Each image's pixels of a class are shuffled, and of all images together the first, then the second ones, and
    so on are kept until the class is full: an image that shows much of a class does not crowd out the others.

    Args:
        classes: C.
        capacity: most features of a class.
        generator: on the CPU, the only source of chance.
    """

    def __init__(self, classes: int, capacity: int, generator: torch.Generator) -> None:
        self.classes, self.capacity, self.generator = classes, capacity, generator
        # The place of each kept feature in its image's shuffle, plus a fraction that decides between images.
        self._turn = torch.full((classes, capacity), torch.inf, dtype=torch.float64)
        self._features: Tensor | None = None

    def add(self, features: Tensor, labels: Tensor) -> None:
        """Offer one image's (N, D) float32 features with (N,) int64 labels; others than 0 to C - 1 are left out."""
        if self._features is None:
            self._features = torch.empty(self.classes, self.capacity, features.shape[1])
        for c in torch.unique(labels).tolist():
            if not 0 <= c < self.classes:
                continue
            rows = (labels == c).nonzero().squeeze(1)
            rows = rows[torch.randperm(len(rows), generator=self.generator)][: self.capacity]
            turn = torch.arange(len(rows)) + torch.rand((), generator=self.generator, dtype=torch.float64)
            kept = torch.cat([self._turn[c], turn]).topk(self.capacity, largest=False).indices
            stays = torch.zeros(self.capacity, dtype=torch.bool)
            stays[kept[kept < self.capacity]] = True
            new, free = kept[kept >= self.capacity] - self.capacity, (~stays).nonzero().squeeze(1)
            self._features[c, free], self._turn[c, free] = features[rows[new]], turn[new]

    def read(self) -> tuple[Tensor, Tensor]:
        """All that is kept: (n, D) features and (n,) int64 labels, ordered by class."""
        full = self._turn.isfinite()
        features = torch.empty(0, 0) if self._features is None else self._features[full]
        return features, full.nonzero()[:, 0]
