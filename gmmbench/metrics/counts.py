"""Counts of IN and OOD pixels by anomaly score: streaming, in constant memory, merged by ``+``.

The top 24 bits of a score's ordered key (see ``keys``) name the bin: sign, exponent and 15 bits of
mantissa. So there is no range to guess, the bins are 2**-15 of the score wide at every scale (below
1.2e-38, in the subnormals, 2**-141 wide), and two scores share a bin only if they agree in 16
significant bits. Scores with at most 16 significant bits lose nothing.

Bins are kept in pages of 2**15, one for each (sign, binary octave), made when the first score
falls into it. Real scores touch 10 to 40 pages of 0.5 MiB; 512 pages, 256 MiB, is the bound.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gmmbench.labels import IGNORE
from gmmbench.metrics.counted import SortedCounts
from gmmbench.metrics.images import IMAGE_KEY_BITS, ImageCounts
from gmmbench.metrics.keys import lower_edges, ordered_keys
from gmmbench.metrics.pixels import NaNScoreError, check_pixels
from gmmbench.metrics.saved import check_saved

__all__ = ["BINS_PER_PAGE", "KEY_BITS", "NaNScoreError", "ScoreCounts", "SortedCounts"]

KEY_BITS = 24
PAGE_BITS = 15
PAGES = 1 << (KEY_BITS - PAGE_BITS)
BINS_PER_PAGE = 1 << PAGE_BITS
_CHUNK = 1 << 16  # scores binned at once: the temporaries (2 MB) then stay in the cache
_PAGE_SHIFT = np.uint32(32 - KEY_BITS + PAGE_BITS)
_BIN_SHIFT = np.uint32(32 - KEY_BITS)
_BIN_MASK = np.uint32(BINS_PER_PAGE - 1)
_IN_ROW, _OOD_ROW = 0, 1  # the values of IN and OOD too: a label is its row
# An image's bin is 64 of ours, and they lie side by side.
_COARSER_BITS = KEY_BITS - IMAGE_KEY_BITS
_IMAGE_BINS_PER_PAGE = BINS_PER_PAGE >> _COARSER_BITS


class ScoreCounts:
    """How many IN and how many OOD pixels got which score; higher = more anomalous.

    ``update`` adds an image, ``merge`` and ``+`` add other counts. Neither the order nor the split
    into calls changes the counts. Two ``ScoreCounts`` are equal if they count the same.
    """

    def __init__(self) -> None:
        self._slot_of_page: NDArray[np.int64] = np.full(PAGES, -1, dtype=np.int64)
        self._counts: NDArray[np.int64] = np.zeros((0, 2, BINS_PER_PAGE), dtype=np.int64)  # (slot, row, bin)
        self._made = 0  # pages made; slots from here on are room to grow
        self._ignored = 0

    @property
    def pixels_in(self) -> int:
        """IN pixels counted."""
        return int(self._counts[: self._made, _IN_ROW].sum())

    @property
    def pixels_ood(self) -> int:
        """OOD pixels counted."""
        return int(self._counts[: self._made, _OOD_ROW].sum())

    @property
    def pixels_ignored(self) -> int:
        """IGNORE pixels seen; they are in no other count."""
        return self._ignored

    @property
    def nbytes(self) -> int:
        """Bytes held by the pages made: 0.5 MiB each."""
        return self._counts[: self._made].nbytes

    def update(self, scores: NDArray[np.float32], labels: NDArray[np.uint8], name: str = "") -> ImageCounts:
        """Count the pixels of one image, or of any part of one, and return its own counts in coarser bins.

        Args:
            scores: float32, any shape, usually (H, W); higher = more anomalous. Infinities are
                legal and sort at the ends; -0.0 counts as +0.0.
            labels: uint8, the same shape: IN, OOD (the positive class) or IGNORE. IGNORE pixels
                are dropped before anything else: what is scored there, NaN too, does not matter.
            name: of the image, for the error messages.

        Raises:
            NaNScoreError: a pixel labelled IN or OOD has score NaN.
            InputError: wrong type, dtype or shape, or an unknown label value.
            After an error the counts are as they were before the call.
        """
        ignored = check_pixels(scores, labels, name)
        image: NDArray[np.int64] = np.zeros((self._made, 2, _IMAGE_BINS_PER_PAGE), dtype=np.int64)
        flat_scores, flat_labels = scores.reshape(-1), labels.reshape(-1)
        for start in range(0, labels.size, _CHUNK):
            chunk, rows = flat_scores[start : start + _CHUNK], flat_labels[start : start + _CHUNK]
            if ignored:
                kept = np.flatnonzero(rows != IGNORE)
                if kept.size < rows.size:  # indices: a mask of scattered pixels takes five times as long
                    chunk, rows = chunk.take(kept), rows.take(kept)
            if rows.size == 0:
                continue
            bins = self._bins(chunk, rows)
            if len(image) < self._made:
                new_pages = np.zeros((self._made - len(image), *image.shape[1:]), dtype=np.int64)
                image = np.concatenate([image, new_pages])
            # np.add.at, fast since numpy 1.25, touches only the bins that are hit; np.bincount would make and
            # add a histogram of all pages for each chunk.
            np.add.at(self._counts.reshape(-1), bins, 1)
            bins >>= _COARSER_BITS
            np.add.at(image.reshape(-1), bins, 1)
        self._ignored += ignored
        return ImageCounts(*_occupied(self._slot_of_page, image), ignored)

    def merge(self, other: ScoreCounts) -> None:
        """Add the counts of ``other`` to these, in place."""
        pages = np.flatnonzero(other._slot_of_page >= 0)
        self._make_pages(pages)
        for ours, theirs in zip(self._slot_of_page[pages], other._slot_of_page[pages], strict=True):
            self._counts[ours] += other._counts[theirs]
        self._ignored += other._ignored

    def __add__(self, other: ScoreCounts) -> ScoreCounts:
        if not isinstance(other, ScoreCounts):
            return NotImplemented
        total = ScoreCounts()
        total.merge(self)
        total.merge(other)
        return total

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ScoreCounts):
            return NotImplemented
        ours, theirs = self.to_arrays(), other.to_arrays()
        return all(np.array_equal(ours[name], theirs[name]) for name in ours)

    def __repr__(self) -> str:
        return f"ScoreCounts(in={self.pixels_in:,}, ood={self.pixels_ood:,}, ignored={self.pixels_ignored:,})"

    def sorted_counts(self) -> SortedCounts:
        """The occupied bins in ascending score, empty bins dropped."""
        keys, in_counts, ood_counts = _occupied(self._slot_of_page, self._counts)
        return SortedCounts(lower_edges(keys, KEY_BITS), in_counts, ood_counts)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Plain arrays for ``np.savez``, loadable with ``allow_pickle=False``; ``from_arrays`` reads them back.

        ``keys`` (N,) uint32, the occupied bins in ascending score; ``in`` and ``ood`` (N,) int64, their
        pixels; ``ignored`` () int64; ``key_bits`` () int64, of the float32 key that name a bin.
        """
        keys, in_counts, ood_counts = _occupied(self._slot_of_page, self._counts)
        return {
            "keys": keys,
            "in": in_counts,
            "ood": ood_counts,
            "ignored": np.array(self._ignored, dtype=np.int64),
            "key_bits": np.array(KEY_BITS, dtype=np.int64),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> ScoreCounts:
        """The counts that ``to_arrays`` wrote; raises InputError on anything else."""
        arrays = dict(arrays)  # an open .npz would read an array from disk at each look
        check_saved(arrays, cls.__name__, KEY_BITS, np.int64)
        counts = cls()
        keys = arrays["keys"].astype(np.int64)
        counts._make_pages(np.unique(keys >> PAGE_BITS))
        slots, bins = counts._slot_of_page[keys >> PAGE_BITS], keys & (BINS_PER_PAGE - 1)
        counts._counts[slots, _IN_ROW, bins] = arrays["in"]
        counts._counts[slots, _OOD_ROW, bins] = arrays["ood"]
        counts._ignored = int(arrays["ignored"])
        return counts

    def _bins(self, scores: NDArray[np.float32], rows: NDArray[np.uint8]) -> NDArray[np.int64]:
        """(N,) places in the flat counts of (N,) scores without NaN, of (N,) rows; makes the pages they need."""
        keys = ordered_keys(scores)
        pages = (keys >> _PAGE_SHIFT).astype(np.intp)
        slots = self._slot_of_page.take(pages)
        if slots.min() < 0:
            self._make_pages(np.unique(pages[slots < 0]))
            slots = self._slot_of_page.take(pages)
        keys >>= _BIN_SHIFT
        keys &= _BIN_MASK
        slots <<= PAGE_BITS + 1
        slots += keys
        keys[...] = rows
        keys <<= np.uint32(PAGE_BITS)
        slots += keys
        return slots

    def _make_pages(self, pages: NDArray[np.int64]) -> None:
        """Make empty pages for those of ``pages``, (K,) unique page numbers, that have none yet."""
        missing = pages[self._slot_of_page[pages] < 0]
        made = self._made + missing.size
        if made > len(self._counts):
            # Room doubles, so that copies cost nothing to speak of; the system backs it when it is first written.
            grown = np.zeros((min(PAGES, max(made, 2 * self._made)), 2, BINS_PER_PAGE), dtype=np.int64)
            grown[: self._made] = self._counts[: self._made]
            self._counts = grown
        self._slot_of_page[missing] = np.arange(self._made, made)
        self._made = made


def _occupied(
    slot_of_page: NDArray[np.int64], counts: NDArray[np.int64]
) -> tuple[NDArray[np.uint32], NDArray[np.int64], NDArray[np.int64]]:
    """Keys, IN counts and OOD counts of the bins of (slot, row, bin) counts that are not empty, in ascending score."""
    keys, found = [np.empty(0, dtype=np.int64)], [np.empty((2, 0), dtype=np.int64)]
    for page in np.flatnonzero(slot_of_page >= 0):  # page by page: no copy of all the counts
        page_counts = counts[slot_of_page[page]]
        bins = np.flatnonzero(page_counts.any(axis=0))
        keys.append(page * counts.shape[-1] + bins)
        found.append(page_counts[:, bins])
    in_counts, ood_counts = np.concatenate(found, axis=1)
    return np.concatenate(keys).astype(np.uint32), in_counts, ood_counts
