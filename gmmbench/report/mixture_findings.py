"""What one sees of a mixture, in words that follow from the numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gmmbench.report.blocks import Words
from gmmbench.report.inspected import Arrays, Inspected, sibling_distance

SMALL = 0.01
HELD_OUT_LEVELS = (0.01, 0.05, 0.5)


def findings(of: Inspected) -> list[Words]:
    """Sentences on shares, overlaps, sizes and new images."""
    summary, names = of.summary, of.names
    started, share = summary["started"], summary["share"]
    seen = np.isfinite(share) & started
    total, per_class = int(started.sum()), started.shape[1]
    small, dead = int((seen & (share < SMALL)).sum()), int((seen & summary["dead"]).sum())
    words: list[Words] = [
        f"{small} of {total} components hold less than 1 % of their class's pixels"
        + (f", {dead} of them less than 0.1 %." if small else ".")
    ]
    never = int((~started).sum())
    if never:
        words.append(f"{never} more were never given a pixel in training; they have no density.")
    used = summary["effective"]
    if per_class > 1 and np.isfinite(used).any():
        least, most = int(np.nanargmin(used)), int(np.nanargmax(used))
        words.append(
            f"Measured by the entropy of shares, classes use between {used[least]:.1f} ({names[least]}) and"
            f" {used[most]:.1f} ({names[most]}) of {per_class} components."
        )
    words += [*_overlaps(summary, names), *_sizes(summary, names), *_held_out(of)]
    return words


def _overlaps(summary: Arrays, names: Sequence[str]) -> list[Words]:
    beaten = summary["beaten"]
    if not np.isfinite(beaten).any():
        return []
    worst, rival = int(np.nanargmax(beaten)), int(summary["next_class"][int(np.nanargmax(beaten))])
    all_pixels = float(np.nansum(beaten * summary["pixels"]) / summary["pixels"].sum())
    words: list[Words] = [
        f"For {100 * all_pixels:.1f} % of the training pixels another class's density is the higher one; most often"
        f" for pixels of {names[worst]}: {100 * beaten[worst]:.1f} %, and its rival is mostly {names[rival]}."
    ]
    siblings = sibling_distance(summary)
    there = np.isfinite(siblings) & np.isfinite(summary["other_distance"])
    near = int((summary["other_distance"][there] < siblings[there]).sum())
    if there.any():
        words.append(
            f"{near} of {int(there.sum())} components have a mean that lies nearer to a mean of another class than to"
            " any of their own class."
        )
    return words


def _sizes(summary: Arrays, names: Sequence[str]) -> list[Words]:
    spread = summary["spread"]
    if not np.isfinite(spread).any():
        return []
    flat = np.where(np.isfinite(spread), spread, np.nan)
    distance = float(np.nanmedian(summary["distance"]))
    (c, m), (d, n) = (divmod(int(at), flat.shape[1]) for at in (np.nanargmin(flat), np.nanargmax(flat)))
    wide = "wider than" if distance < 0.8 else "narrower than" if distance > 1.25 else "about as wide as"
    return [
        f"The tightest component is number {m + 1} of {names[c]}, with a standard deviation of {spread[c, m]:.3g} in a"
        f" channel; the widest is number {n + 1} of {names[d]}, with {spread[d, n]:.3g}.",
        f"Typical components are {wide} the spread of the pixels they answer for: the mean squared Mahalanobis distance"
        f" of these is {distance:.2g} a channel (median over components), and 1 where a Gaussian is as wide as its"
        " pixels.",
    ]


def _held_out(of: Inspected) -> list[Words]:
    """How likely new images are, where a split of them was looked at."""
    summary = of.summary
    if "test_levels_below" not in summary:
        return []
    places = [int(np.abs(summary["density_levels"] - level).argmin()) for level in HELD_OUT_LEVELS]
    levels, found = (
        ", ".join(f"{100 * float(summary[key][at]):.2g}" for at in places)
        for key in ("density_levels", "test_levels_below")
    )
    split = of.about.get("test_split", "test")
    return [
        f"The log p(x) that {levels} % of the training pixels do not exceed is not exceeded by {found} % of the pixels"
        f" of the {split} split: higher numbers there mean that the model finds new images less likely."
    ]
