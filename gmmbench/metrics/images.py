"""One image's pixels by score, coarsely: what per-image metrics and the bootstrap over images read.

Bins are the top 18 bits of the ordered key (see ``keys``): sign, exponent and 9 bits of mantissa, so
2**-9 of the score wide. An image has a few hundred to a few thousand of them, some 12 bytes each when
saved. Scores in one bin are tied: where |score| is some three times the spread of the scores, as with
log-densities, a bin has up to 0.5 % of a side's pixels, FPR95 is up to that much too high, and AUROC and
AP are within 1e-3. Scores with at most 10 significant bits lose nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gmmbench.errors import InputError
from gmmbench.metrics.counted import SortedCounts
from gmmbench.metrics.keys import lower_edges
from gmmbench.metrics.saved import check_saved

IMAGE_KEY_BITS = 18


@dataclass(frozen=True, eq=False)
class ImageCounts:
    """How many IN and how many OOD pixels of one image got which score; ``ScoreCounts.update`` returns it.

    Attributes:
        keys: (K,) uint32, strictly ascending: the occupied bins, the top 18 bits of the ordered key.
        in_counts: (K,) int64, IN pixels in the bin.
        ood_counts: (K,) int64, OOD pixels in the bin.
        ignored: IGNORE pixels; they are in no other count.
    """

    keys: NDArray[np.uint32]
    in_counts: NDArray[np.int64]
    ood_counts: NDArray[np.int64]
    ignored: int

    @property
    def pixels_in(self) -> int:
        """IN pixels counted."""
        return int(self.in_counts.sum())

    @property
    def pixels_ood(self) -> int:
        """OOD pixels counted."""
        return int(self.ood_counts.sum())

    @property
    def pixels_ignored(self) -> int:
        """IGNORE pixels seen, as ``ScoreCounts`` calls them."""
        return self.ignored

    def sorted_counts(self) -> SortedCounts:
        """The occupied bins in ascending score."""
        return SortedCounts(lower_edges(self.keys, IMAGE_KEY_BITS), self.in_counts, self.ood_counts)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Plain arrays for ``np.savez``, loadable with ``allow_pickle=False``; ``from_arrays`` reads them back.

        ``keys``, ``in`` and ``ood`` (K,) uint32, ``ignored`` and ``key_bits`` () int64.

        Raises:
            InputError: more than 2**32 - 1 pixels in a bin: that is no image.
        """
        for side in (self.in_counts, self.ood_counts):
            if side.size and int(side.max()) > np.iinfo(np.uint32).max:
                raise InputError(
                    f"{int(side.max()):,} pixels of one image share a bin; wanted fewer than 2**32; "
                    "count image by image"
                )
        return {
            "keys": self.keys,
            "in": self.in_counts.astype(np.uint32),
            "ood": self.ood_counts.astype(np.uint32),
            "ignored": np.array(self.ignored, dtype=np.int64),
            "key_bits": np.array(IMAGE_KEY_BITS, dtype=np.int64),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> ImageCounts:
        """The counts that ``to_arrays`` wrote; raises InputError on anything else."""
        arrays = dict(arrays)  # an open .npz would read an array from disk at each look
        check_saved(arrays, cls.__name__, IMAGE_KEY_BITS, np.uint32)
        in_counts, ood_counts = (arrays[name].astype(np.int64) for name in ("in", "ood"))
        return cls(arrays["keys"], in_counts, ood_counts, int(arrays["ignored"]))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ImageCounts):
            return NotImplemented
        pairs = ((self.keys, other.keys), (self.in_counts, other.in_counts), (self.ood_counts, other.ood_counts))
        return self.ignored == other.ignored and all(np.array_equal(ours, theirs) for ours, theirs in pairs)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"ImageCounts(in={self.pixels_in:,}, ood={self.pixels_ood:,}, ignored={self.ignored:,})"
