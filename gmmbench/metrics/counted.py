"""What every reading reads: how many IN and OOD pixels got which score."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray


class SortedCounts(NamedTuple):
    """The occupied bins in ascending score.

    Attributes:
        lower_edges: (N,) float32, strictly ascending: the lowest score that falls into the bin, so
            the pixels with ``score >= lower_edges[i]`` are exactly those of the bins ``i`` and up.
        in_counts: (N,) int64, IN pixels in the bin.
        ood_counts: (N,) int64, OOD pixels in the bin.
    """

    lower_edges: NDArray[np.float32]
    in_counts: NDArray[np.int64]
    ood_counts: NDArray[np.int64]


class Counted(Protocol):
    """Pixels counted by score: ``ScoreCounts``, one image's ``ImageCounts``, or ``ExactScores``."""

    @property
    def pixels_in(self) -> int:
        """IN pixels counted."""

    @property
    def pixels_ood(self) -> int:
        """OOD pixels counted."""

    def sorted_counts(self) -> SortedCounts:
        """The occupied bins in ascending score."""
