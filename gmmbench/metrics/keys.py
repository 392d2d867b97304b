"""Unsigned integers that sort as float32 scores do; their top bits name the bins of all counts.

All bits of a negative score are flipped, and the sign bit of a non-negative one (Herf 2001, "Radix
tricks", http://stereopsis.com/radix.html). The top ``bits`` bits of the key are a bin: sign, exponent
and ``bits - 9`` bits of mantissa. So there is no range to guess, and a bin is 2**(9 - bits) of the
score wide at every scale.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_SIGN_BIT = np.uint32(1 << 31)


def ordered_keys(scores: NDArray[np.float32]) -> NDArray[np.uint32]:
    """(N,) uint32 that sort as the (N,) float32 scores do; -0.0 and +0.0 are one key."""
    # Adding zero makes a fresh array and turns -0.0 into +0.0.
    keys: NDArray[np.uint32] = (scores + np.float32(0)).view(np.uint32)
    flips = (keys.view(np.int32) >> 31).view(np.uint32)  # all ones where the score is negative, else zero
    flips |= _SIGN_BIT
    keys ^= flips
    return keys


def lower_edges(bins: NDArray[np.uint32], bits: int) -> NDArray[np.float32]:
    """(N,) float32, the lowest score that falls into each of the (N,) bins of ``bits`` key bits."""
    keys = bins << np.uint32(32 - bits)
    edges = np.where(keys & _SIGN_BIT, keys ^ _SIGN_BIT, ~keys).view(np.float32)
    # The bin of -inf holds nothing else, but its lowest bit pattern is a NaN.
    return np.where(np.isnan(edges), np.float32(-np.inf), edges)


def are_bins(bins: NDArray[np.uint32], bits: int) -> bool:
    """Whether (N,) bins of ``bits`` key bits ascend strictly, from that of -inf at most to that of +inf."""
    lowest, highest = ordered_keys(np.array([-np.inf, np.inf], dtype=np.float32)) >> np.uint32(32 - bits)
    return bool((bins[1:] > bins[:-1]).all() and (bins >= lowest).all() and (bins <= highest).all())
