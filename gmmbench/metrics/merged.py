"""The counts of many images in a few thousand common bins, small enough to be pooled a thousand times.

Images come with up to 2**18 bins, each its own. Pooled over all images, neighbours are merged until at
most ``BINS`` are left, of about 1 / 2048 of the IN pixels and 1 / 2048 of the OOD pixels each at most:
bins that are few where a side has many pixels would cost a reading its accuracy. A single 18-bit bin
with more pixels stays as it is. A reading of merged bins is then within 1e-3 of that of the 18-bit bins
(the "F1 threshold" within a merged bin), and the same where there are no more than ``BINS`` to begin with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gmmbench.errors import InputError
from gmmbench.metrics.images import IMAGE_KEY_BITS, ImageCounts
from gmmbench.metrics.keys import lower_edges
from gmmbench.metrics.rank import Cumulated

Images = Callable[[], Iterable[ImageCounts]]
"""Gives the images' counts, in the same order at each call; they may be read from disk one at a time."""

BINS = 4096
_BLOCK = 64  # images pooled at once


class MergedBins(NamedTuple):
    """The common bins of a set of images.

    Attributes:
        bin_of_key: (2**18,) int64, the bin that an occupied key belongs to, counted from the highest score down.
        thresholds: (B,) float64, strictly descending: the lowest score of each bin.
        sizes: (N, 2) int64, IN and OOD pixels of each image.
    """

    bin_of_key: NDArray[np.int64]
    thresholds: NDArray[np.float64]
    sizes: NDArray[np.int64]


def merge_bins(images: Images, bins: int = BINS) -> MergedBins:
    """The at most ``bins`` bins of all ``images`` together: one walk over them, 4 MB whatever their number."""
    pooled = np.zeros((2, 1 << IMAGE_KEY_BITS), dtype=np.int64)
    sizes = []
    for image in images():
        pooled[0, image.keys] += image.in_counts  # an image has a key once
        pooled[1, image.keys] += image.ood_counts
        sizes.append((image.pixels_in, image.pixels_ood))
    keys = np.flatnonzero(pooled.any(axis=0))[::-1]
    opens_bin = np.ones(keys.size, dtype=bool)
    if keys.size > bins:
        # A bin ends where either side passes a multiple of 2 / bins of its pixels.
        stretches = [_stretches(side[keys], bins // 2) for side in pooled]
        opens_bin[1:] = np.any([np.diff(stretch) > 0 for stretch in stretches], axis=0)
    bin_of_key = np.zeros(1 << IMAGE_KEY_BITS, dtype=np.int64)
    bin_of_key[keys] = np.cumsum(opens_bin) - 1
    lowest = keys[np.append(opens_bin[1:], True)] if keys.size else keys
    thresholds = lower_edges(lowest.astype(np.uint32), IMAGE_KEY_BITS).astype(np.float64)
    return MergedBins(bin_of_key, thresholds, np.array(sizes, dtype=np.int64).reshape(-1, 2))


def pool(images: Images, merged: MergedBins, weights: NDArray[np.int32]) -> Cumulated:
    """The cumulated counts, (R, B) float64, of R weighted pools of the images: a second walk over them.

    Args:
        images: those that ``merged`` was made of.
        merged: their bins.
        weights: (R, N) how often each image is in each pool.

    Raises:
        InputError: not as many images as in the first walk.
    """
    bins = merged.thresholds.size
    pools = np.zeros((2, len(weights), bins))
    block, seen = np.zeros((2, _BLOCK, bins)), 0
    for image in images():
        if seen == len(merged.sizes):
            raise InputError(f"more images than the {seen} of the first walk; {_ADVICE}")
        place, own = seen % _BLOCK, merged.bin_of_key[image.keys]
        for side, counts in enumerate((image.in_counts, image.ood_counts)):
            block[side, place] = np.bincount(own, weights=counts, minlength=bins)
        seen += 1
        if place == _BLOCK - 1 or seen == len(merged.sizes):
            # Products and sums of whole numbers below 2**53: exact in float64, in any order.
            drawn = weights[:, seen - place - 1 : seen].astype(np.float64)
            for side in (0, 1):
                pools[side] += drawn @ block[side, : place + 1]
    if seen < len(merged.sizes):
        raise InputError(f"{seen} images, but {len(merged.sizes)} in the first walk; {_ADVICE}")
    np.cumsum(pools, axis=-1, out=pools)
    return Cumulated(merged.thresholds, pools[0], pools[1])


_ADVICE = "wanted a function that starts the same images anew at each call, such as lambda: list_of_counts"


def _stretches(pixels: NDArray[np.int64], number: int) -> NDArray[np.int64]:
    """In which of ``number`` equal parts of all the pixels each bin, of (K,) ``pixels``, begins."""
    before = np.cumsum(pixels) - pixels
    return before * number // max(int(pixels.sum()), 1)
