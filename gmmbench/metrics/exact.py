"""Scores kept whole and sorted when read: the exact answer, and the reference for the binned one.

Memory is 4 bytes a scored pixel, and while it is read up to some 60 bytes more for each distinct score:
200 M log-densities took 0.8 GB, and 2.6 GB while they were read. ``ScoreCounts`` reads within 1e-4 of it
in constant memory.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gmmbench.labels import IN, OOD
from gmmbench.metrics.counted import SortedCounts
from gmmbench.metrics.counts import KEY_BITS, ScoreCounts
from gmmbench.metrics.images import ImageCounts
from gmmbench.metrics.keys import ordered_keys


class ExactScores:
    """The float32 scores of the IN and of the OOD pixels, every one; higher = more anomalous.

    ``update``, ``merge`` and ``+`` as in ``ScoreCounts``, and so are the errors. Readings see one
    threshold for each distinct score: they are scikit-learn's.
    """

    def __init__(self) -> None:
        self._in, self._ood = _Side(), _Side()
        self._ignored = 0

    @property
    def pixels_in(self) -> int:
        """IN pixels kept."""
        return self._in.size

    @property
    def pixels_ood(self) -> int:
        """OOD pixels kept."""
        return self._ood.size

    @property
    def pixels_ignored(self) -> int:
        """IGNORE pixels seen; they are not kept."""
        return self._ignored

    @property
    def nbytes(self) -> int:
        """Bytes of the scores kept: 4 a pixel."""
        return 4 * (self._in.size + self._ood.size)

    def update(self, scores: NDArray[np.float32], labels: NDArray[np.uint8], name: str = "") -> ImageCounts:
        """Keep the pixels of one image and return its own counts: arguments and errors of ``ScoreCounts.update``."""
        image = ScoreCounts().update(scores, labels, name)
        self._in.add(scores[labels == IN])
        self._ood.add(scores[labels == OOD])
        self._ignored += image.ignored
        return image

    def merge(self, other: ExactScores) -> None:
        """Add the scores of ``other`` to these, in place."""
        self._in.add(other._in.sorted().copy())
        self._ood.add(other._ood.sorted().copy())
        self._ignored += other._ignored

    def __add__(self, other: ExactScores) -> ExactScores:
        if not isinstance(other, ExactScores):
            return NotImplemented
        total = ExactScores()
        total.merge(self)
        total.merge(other)
        return total

    def __repr__(self) -> str:
        return f"ExactScores(in={self.pixels_in:,}, ood={self.pixels_ood:,}, ignored={self.pixels_ignored:,})"

    def sorted_counts(self) -> SortedCounts:
        """The distinct scores, ascending, and the pixels of each side that have them."""
        sides = [_runs(side.sorted()) for side in (self._in, self._ood)]
        values = np.union1d(*(values for values, _ in sides))
        counts = np.zeros((2, values.size), dtype=np.int64)
        for row, (own, pixels) in enumerate(sides):
            counts[row, np.searchsorted(values, own)] = pixels
        return SortedCounts(values, counts[0], counts[1])

    def to_counts(self) -> ScoreCounts:
        """The same pixels in the bins of ``ScoreCounts``, to be saved."""
        values, in_counts, ood_counts = self.sorted_counts()
        bins = ordered_keys(values) >> np.uint32(32 - KEY_BITS)
        first = np.flatnonzero(np.diff(bins, prepend=~bins[:1]))
        arrays = ScoreCounts().to_arrays()
        arrays |= {"keys": bins[first], "ignored": np.array(self._ignored, dtype=np.int64)}
        if first.size:  # reduceat takes no empty array
            arrays |= {"in": np.add.reduceat(in_counts, first), "ood": np.add.reduceat(ood_counts, first)}
        return ScoreCounts.from_arrays(arrays)


class _Side:
    """Scores of one side: parts as they came, made one sorted array when they are read."""

    def __init__(self) -> None:
        self._parts: list[NDArray[np.float32]] = []
        self._is_sorted = True
        self.size = 0

    def add(self, scores: NDArray[np.float32]) -> None:
        """Keep (N,) scores; the array is ours from now on."""
        scores += np.float32(0)  # -0.0 and +0.0 are one score
        self._parts.append(scores)
        self._is_sorted = False
        self.size += scores.size

    def sorted(self) -> NDArray[np.float32]:
        """(N,) all scores, ascending; a view of what is kept."""
        if not self._is_sorted:
            whole = np.empty(self.size, dtype=np.float32)
            stop = self.size
            while self._parts:  # each part goes when it is copied: the scores are never there twice
                part = self._parts.pop()
                whole[stop - part.size : stop] = part
                stop -= part.size
            whole.sort()
            self._parts, self._is_sorted = [whole], True
        return self._parts[0] if self._parts else np.empty(0, dtype=np.float32)


def _runs(ascending: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The distinct values of (N,) sorted scores, and how often each comes."""
    starts_run = np.ones(ascending.size, dtype=bool)
    np.not_equal(ascending[1:], ascending[:-1], out=starts_run[1:])
    first = np.flatnonzero(starts_run)
    return ascending[first], np.diff(first, append=ascending.size)
