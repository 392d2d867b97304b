"""Quantiles of log p(x) over many pixels, counted in the bins in which its score is counted on test sets."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from gmmbench.labels import IGNORE, IN
from gmmbench.metrics import ScoreCounts

LEVELS = (0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
"""Shares of the training pixels."""


def counted(counts: ScoreCounts, score: Tensor, labels: NDArray[np.uint8], name: str) -> None:
    """Count an image of a closed set: every pixel of a class is IN.

    Args:
        score: (H, W), the anomaly score ``gmm_lse`` = -log p(x) in nats.
        labels: (H, W) uint8, a class or ``IGNORE``.
        name: of the image, for errors.

    Raises:
        InputError: a score is NaN.
    """
    known = np.where(labels == IGNORE, IGNORE, IN).astype(np.uint8)
    counts.update(score.float().cpu().numpy(), known, name)


def quantiles(counts: ScoreCounts, levels: Sequence[float]) -> NDArray[np.float64]:
    """(Q,) log p(x) in nats, -score: the lowest with at least a share ``level`` of the IN pixels at or below it.

    It is the edge of a bin of ``ScoreCounts`` (16 significant bits), so what it cuts off of other counts of the same
    score is exact: the pixels of all bins whose lower edge is -quantile or more.
    """
    edges, pixels, _ = counts.sorted_counts()
    down = np.cumsum(pixels[::-1]) / pixels.sum()
    # A level that is a whole number of pixels is not to miss them by rounding.
    places = np.searchsorted(down, np.asarray(levels) - 1e-12)
    found: NDArray[np.float64] = -edges[::-1][places.clip(max=len(down) - 1)].astype(np.float64)
    return found


def below(counts: ScoreCounts, density: NDArray[np.float64]) -> NDArray[np.float64]:
    """(Q,) shares of the IN pixels of ``counts`` whose log p(x) is at most each of (Q,) ``density``, in nats."""
    edges, pixels, _ = counts.sorted_counts()
    above = np.concatenate([np.cumsum(pixels[::-1])[::-1], [0]])
    shares: NDArray[np.float64] = above[np.searchsorted(edges.astype(np.float64), -density)] / pixels.sum()
    return shares
