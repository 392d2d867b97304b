"""ScoreCounts and its readings against scikit-learn: values, seconds and peak memory, on the same pixels.

    OMP_NUM_THREADS=1 python benchmarks/metrics.py --pixels 20000000

Ours streams 20 images and holds one at a time; scikit-learn gets all valid pixels in one array, made
outside its time. The seconds are wall time of ``update`` and all readings, and of roc_auc_score,
average_precision_score and roc_curve. Peak memory, by tracemalloc, is what is allocated beyond the
scores and labels, and is taken in a second, untimed run. The values must agree to the limits below;
otherwise the exit code is 1.
"""

from __future__ import annotations

import argparse
import sys
import time
import tracemalloc
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gmmbench.labels import IGNORE, IN, OOD
from gmmbench.metrics import READINGS, ScoreCounts

Image = tuple[NDArray[np.float32], NDArray[np.uint8]]

IMAGES = 20
OOD_SHARE = 0.04
LIMITS = {"AUROC": 1e-5, "AP": 1e-4, "FPR95": 1e-4}


class Scores(NamedTuple):
    """Mean and standard deviation of the normal scores of each side."""

    inside: tuple[float, float]
    outside: tuple[float, float]


CASES = {
    "density-like": Scores(inside=(-80, 25), outside=(-40, 30)),  # -log p(x) in nats, of tens of dimensions
    "logit-like": Scores(inside=(-9, 2.5), outside=(-5, 2)),  # -max logit
}


def make_images(scores: Scores, pixels: int, rng: np.random.Generator) -> list[Image]:
    """Square images with one OOD square of OOD_SHARE and a void strip of 5 % at the bottom."""
    side = max(20, round((pixels / IMAGES) ** 0.5))
    square = round(side * OOD_SHARE**0.5)
    images = []
    for _ in range(IMAGES):
        labels = np.full((side, side), IN, dtype=np.uint8)
        top, left = rng.integers(0, side - square, 2)
        labels[top : top + square, left : left + square] = OOD
        labels[-side // 20 :] = IGNORE
        means = np.where(labels == OOD, scores.outside[0], scores.inside[0])
        spreads = np.where(labels == OOD, scores.outside[1], scores.inside[1])
        images.append((rng.normal(means, spreads).astype(np.float32), labels))
    return images


def read_ours(images: list[Image]) -> tuple[dict[str, float], float]:
    """The readings, and the seconds of the updates alone."""
    counts = ScoreCounts()
    start = time.perf_counter()
    for scores, labels in images:
        counts.update(scores, labels)
    seconds = time.perf_counter() - start
    return {name: reading.read(counts) for name, reading in READINGS.items()}, seconds


def read_sklearn(truth: NDArray[np.bool_], scores: NDArray[np.float32]) -> dict[str, float]:
    """The same by scikit-learn."""
    from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

    fpr, tpr, _ = roc_curve(truth, scores)
    return {
        "AUROC": float(roc_auc_score(truth, scores)),
        "AP": float(average_precision_score(truth, scores)),
        "FPR95": float(fpr[tpr >= 0.95][0]),
    }


def peak_mib(run: Callable[[], object]) -> float:
    """Peak MiB allocated while ``run`` runs."""
    tracemalloc.start()
    run()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak / 2**20


def compare(title: str, images: list[Image]) -> bool:
    """Print the table of one case; true when all values are within LIMITS."""
    read_ours(images[:1])  # first calls load and warm what the rest uses
    start = time.perf_counter()
    ours, update_seconds = read_ours(images)
    our_seconds = time.perf_counter() - start
    our_peak = peak_mib(lambda: read_ours(images))

    valid = [labels != IGNORE for _, labels in images]
    scores = np.concatenate([image[mask] for (image, _), mask in zip(images, valid, strict=True)])
    truth = np.concatenate([labels[mask] == OOD for (_, labels), mask in zip(images, valid, strict=True)])
    read_sklearn(truth[:: max(1, truth.size // 10_000)], scores[:: max(1, truth.size // 10_000)])
    start = time.perf_counter()
    theirs = read_sklearn(truth, scores)
    their_seconds = time.perf_counter() - start
    their_peak = peak_mib(lambda: read_sklearn(truth, scores))

    total = sum(labels.size for _, labels in images)
    print(f"\n{title}: {total:,} pixels in {len(images)} images, {truth.size:,} valid, {truth.mean():.2%} OOD")
    print(f"{'':22}{'gmmbench':>14}{'scikit-learn':>14}{'|difference|':>14}{'limit':>9}")
    within = True
    for name, limit in LIMITS.items():
        difference = abs(ours[name] - theirs[name])
        within &= difference <= limit
        print(f"{name:22}{ours[name]:14.8f}{theirs[name]:14.8f}{difference:14.1e}{limit:9.0e}")
    print(f"{'':22}{'gmmbench':>14}{'scikit-learn':>14}{'ratio':>14}")
    print(f"{'seconds':22}{our_seconds:14.3f}{their_seconds:14.2f}{their_seconds / our_seconds:14.0f}")
    print(f"{'peak MiB beyond data':22}{our_peak:14.1f}{their_peak:14.1f}{their_peak / our_peak:14.0f}")
    print(f"update alone: {update_seconds / total * 1e9:.1f} ns a pixel")
    return within


def main(arguments: list[str] | None = None) -> int:
    """Run both cases; 0 when all values are within LIMITS, else 1."""
    parser = argparse.ArgumentParser(description="ScoreCounts against scikit-learn")
    parser.add_argument("--pixels", type=int, default=20_000_000, help="pixels of all images together")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    rng = np.random.default_rng(options.seed)
    within = [compare(title, make_images(scores, options.pixels, rng)) for title, scores in CASES.items()]
    print("\nall values within the limits" if all(within) else "\nVALUES OUT OF THE LIMITS")
    return 0 if all(within) else 1


if __name__ == "__main__":
    sys.exit(main())
