"""Counts of IN and OOD pixels by anomaly score: streaming, in constant memory, merged by ``+``.

A float32 score is turned into an unsigned 32-bit key that sorts as the scores do (all bits of a
negative flipped, the sign bit of a non-negative flipped; Herf 2001, "Radix tricks",
http://stereopsis.com/radix.html). The top 24 bits of the key name the bin: sign, exponent and 15
bits of mantissa. So there is no range to guess, the bins are 2**-15 of the score wide at every
scale (below 1.2e-38, in the subnormals, 2**-141 wide), and two scores share a bin only if they
agree in 16 significant bits. Scores with at most 16 significant bits lose nothing.

Bins are kept in pages of 2**15, one for each (sign, binary octave), made when the first score
falls into it. Real scores touch 10 to 40 pages of 0.5 MiB; 512 pages, 256 MiB, is the bound.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gmmbench.errors import InputError
from gmmbench.labels import IGNORE, IN, OOD

KEY_BITS = 24
PAGE_BITS = 15
PAGES = 1 << (KEY_BITS - PAGE_BITS)
BINS_PER_PAGE = 1 << PAGE_BITS
_CHUNK = 1 << 16  # scores binned at once: the temporaries (1.5 MB) then stay in the cache
_SIGN_BIT = np.uint32(1 << 31)
_DROPPED_BITS = np.uint32(32 - KEY_BITS)
_IN_ROW, _OOD_ROW = 0, 1


class NaNScoreError(InputError):
    """A scored pixel, one whose label is not IGNORE, is NaN: it has no rank."""


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


class ScoreCounts:
    """How many IN and how many OOD pixels got which score; higher = more anomalous.

    ``update`` adds an image, ``merge`` and ``+`` add other counts. Neither the order nor the split
    into calls changes the counts. Two ``ScoreCounts`` are equal if they count the same.
    """

    def __init__(self) -> None:
        self._slot_of_page: NDArray[np.int64] = np.full(PAGES, -1, dtype=np.int64)
        self._counts: NDArray[np.int64] = np.zeros((2, 0, BINS_PER_PAGE), dtype=np.int64)  # (row, slot, bin)
        self._made = 0  # pages made; slots from here on are room to grow
        self._ignored = 0

    @property
    def pixels_in(self) -> int:
        """IN pixels counted."""
        return int(self._counts[_IN_ROW].sum())

    @property
    def pixels_ood(self) -> int:
        """OOD pixels counted."""
        return int(self._counts[_OOD_ROW].sum())

    @property
    def pixels_ignored(self) -> int:
        """IGNORE pixels seen; they are in no other count."""
        return self._ignored

    @property
    def nbytes(self) -> int:
        """Bytes held by the pages made: 0.5 MiB each."""
        return self._counts[:, : self._made].nbytes

    def update(self, scores: NDArray[np.float32], labels: NDArray[np.uint8], name: str = "") -> None:
        """Count the pixels of one image, or of any part of one.

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
        where = f"image '{name}': " if name else ""
        _check_arrays(scores, labels, where)
        in_scores, ood_scores = scores[labels == IN], scores[labels == OOD]
        ignored = int(np.count_nonzero(labels == IGNORE))
        scored = in_scores.size + ood_scores.size
        if scored + ignored != labels.size:
            unknown = sorted(set(np.unique(labels).tolist()) - {IN, OOD, IGNORE})
            raise InputError(
                f"{where}unknown label values {unknown}; wanted IN = {IN}, OOD = {OOD} or IGNORE = {IGNORE}; "
                "map the publisher's values to these in the data set's loader"
            )
        nans = int(np.count_nonzero(np.isnan(in_scores)) + np.count_nonzero(np.isnan(ood_scores)))
        if nans:
            raise NaNScoreError(
                f"{where}{nans:,} of {scored:,} scored pixels are NaN, and NaN has no rank; wanted numbers or "
                "infinities; look in the score and the model for 0/0, inf - inf or a float16 overflow"
            )
        self._count(_IN_ROW, in_scores)
        self._count(_OOD_ROW, ood_scores)
        self._ignored += ignored

    def merge(self, other: ScoreCounts) -> None:
        """Add the counts of ``other`` to these, in place."""
        pages = np.flatnonzero(other._slot_of_page >= 0)
        self._make_pages(pages)
        for ours, theirs in zip(self._slot_of_page[pages], other._slot_of_page[pages], strict=True):
            self._counts[:, ours] += other._counts[:, theirs]
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
        keys, in_counts, ood_counts = self._occupied()
        return SortedCounts(_lower_edges(keys), in_counts, ood_counts)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Plain arrays for ``np.savez``, loadable with ``allow_pickle=False``; ``from_arrays`` reads them back.

        ``keys`` (N,) uint32, the occupied bins in ascending score; ``in`` and ``ood`` (N,) int64, their
        pixels; ``ignored`` () int64; ``key_bits`` () int64, of the float32 key that name a bin.
        """
        keys, in_counts, ood_counts = self._occupied()
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
        _check_saved(arrays)
        counts = cls()
        keys = arrays["keys"].astype(np.int64)
        counts._make_pages(np.unique(keys >> PAGE_BITS))
        slots, bins = counts._slot_of_page[keys >> PAGE_BITS], keys & (BINS_PER_PAGE - 1)
        counts._counts[_IN_ROW, slots, bins] = arrays["in"]
        counts._counts[_OOD_ROW, slots, bins] = arrays["ood"]
        counts._ignored = int(arrays["ignored"])
        return counts

    def _count(self, row: int, scores: NDArray[np.float32]) -> None:
        """Add (N,) scores without NaN to one row of the counts."""
        for start in range(0, scores.size, _CHUNK):
            keys = _ordered_keys(scores[start : start + _CHUNK]) >> _DROPPED_BITS
            pages = (keys >> np.uint32(PAGE_BITS)).astype(np.intp)
            slots = self._slot_of_page.take(pages)
            if slots.min() < 0:
                self._make_pages(np.unique(pages[slots < 0]))
                slots = self._slot_of_page.take(pages)
            bins = (slots << PAGE_BITS) + (keys & np.uint32(BINS_PER_PAGE - 1))
            # np.add.at, fast since numpy 1.25, touches only the bins that are hit; np.bincount would make and
            # add a histogram of all pages for each call, and measures slower on images of any usual size.
            np.add.at(self._counts[row].reshape(-1), bins, 1)

    def _make_pages(self, pages: NDArray[np.int64]) -> None:
        """Make empty pages for those of ``pages``, (K,) unique page numbers, that have none yet."""
        missing = pages[self._slot_of_page[pages] < 0]
        made = self._made + missing.size
        if made > self._counts.shape[1]:
            # Room doubles, so that copies cost nothing to speak of; the system backs it when it is first written.
            grown = np.zeros((2, min(PAGES, max(made, 2 * self._made)), BINS_PER_PAGE), dtype=np.int64)
            grown[:, : self._made] = self._counts[:, : self._made]
            self._counts = grown
        self._slot_of_page[missing] = np.arange(self._made, made)
        self._made = made

    def _occupied(self) -> tuple[NDArray[np.uint32], NDArray[np.int64], NDArray[np.int64]]:
        """Keys, IN counts and OOD counts of the bins that are not empty, in ascending score."""
        keys, counts = [np.empty(0, dtype=np.int64)], [np.empty((2, 0), dtype=np.int64)]
        for page in np.flatnonzero(self._slot_of_page >= 0):  # page by page: no copy of all the counts
            page_counts = self._counts[:, self._slot_of_page[page]]
            bins = np.flatnonzero(page_counts.any(axis=0))
            keys.append((page << PAGE_BITS) + bins)
            counts.append(page_counts[:, bins])
        in_counts, ood_counts = np.concatenate(counts, axis=1)
        return np.concatenate(keys).astype(np.uint32), in_counts, ood_counts


def _ordered_keys(scores: NDArray[np.float32]) -> NDArray[np.uint32]:
    """(N,) uint32 that sort as the (N,) scores do."""
    bits: NDArray[np.uint32] = (scores + np.float32(0)).view(
        np.uint32
    )  # a fresh array; adding zero turns -0.0 into +0.0
    flips = (bits.view(np.int32) >> 31).view(np.uint32)  # all ones where the score is negative, else zero
    flips |= _SIGN_BIT
    bits ^= flips
    return bits


def _lower_edges(keys: NDArray[np.uint32]) -> NDArray[np.float32]:
    """The lowest float32 score in each bin; ``keys`` are the upper KEY_BITS of the ordered keys."""
    ordered = keys << _DROPPED_BITS
    bits = np.where(ordered & _SIGN_BIT, ordered ^ _SIGN_BIT, ~ordered)
    edges: NDArray[np.float32] = bits.view(np.float32)
    # The bin of -inf holds nothing else, but its lowest bit pattern is a NaN.
    return np.where(np.isnan(edges), np.float32(-np.inf), edges)


def _check_arrays(scores: object, labels: object, where: str) -> None:
    if not isinstance(scores, np.ndarray) or not isinstance(labels, np.ndarray):
        kinds = f"{type(scores).__name__} and {type(labels).__name__}"
        raise InputError(f"{where}scores and labels are {kinds}; wanted numpy arrays; of a tensor pass .cpu().numpy()")
    if scores.dtype != np.float32:
        raise InputError(
            f"{where}scores are {scores.dtype}; wanted float32, so that no rounding is hidden here; "
            "cast with .astype(np.float32) where the score is made"
        )
    if labels.dtype != np.uint8:
        raise InputError(f"{where}labels are {labels.dtype}; wanted uint8: IN = {IN}, OOD = {OOD}, IGNORE = {IGNORE}")
    if scores.shape != labels.shape:
        raise InputError(
            f"{where}scores are {scores.shape} but labels {labels.shape}; wanted one shape; "
            "resize the scores to the labels, never the labels to the scores"
        )


def _check_saved(arrays: Mapping[str, NDArray[Any]]) -> None:
    fault = ""
    missing = {"keys", "in", "ood", "ignored", "key_bits"} - set(arrays)
    if missing:
        fault = f"no array {', '.join(sorted(missing))}"
    elif int(arrays["key_bits"]) != KEY_BITS:
        fault = f"bins of {int(arrays['key_bits'])} key bits, this version reads {KEY_BITS}"
    elif arrays["keys"].dtype != np.uint32 or any(arrays[name].dtype != np.int64 for name in ("in", "ood")):
        fault = f"dtypes {', '.join(str(arrays[name].dtype) for name in ('keys', 'in', 'ood'))}"
    elif arrays["keys"].ndim != 1 or not arrays["keys"].shape == arrays["in"].shape == arrays["ood"].shape:
        fault = f"shapes {', '.join(str(arrays[name].shape) for name in ('keys', 'in', 'ood'))}"
    elif not _are_bins(arrays["keys"]):
        fault = "keys that are no strictly ascending bins"
    elif int(arrays["ignored"]) < 0 or any((arrays[name] < 0).any() for name in ("in", "ood")):
        fault = "negative counts"
    if fault:
        raise InputError(f"saved score counts hold {fault}; wanted what ScoreCounts.to_arrays wrote; evaluate again")


def _are_bins(keys: NDArray[np.uint32]) -> bool:
    lowest, highest = _ordered_keys(np.array([-np.inf, np.inf], dtype=np.float32)) >> _DROPPED_BITS
    return bool((keys[1:] > keys[:-1]).all() and (keys >= lowest).all() and (keys <= highest).all())
