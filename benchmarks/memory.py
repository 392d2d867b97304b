"""Memory of an evaluation by the number of images: a set of 5,000 runs in the memory of one of 50.

    python benchmarks/memory.py --images 50 5000

Each size runs in a process of its own, on images made one at a time from their number; the model is a linear map of
colours, so what grows, if anything does, is the evaluation. All fast scores, intervals, pictures and the run folder
are part of it. Peak resident memory as the system counts it.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from gmmbench.evaluate import evaluate_ood, predicted
from gmmbench.labels import IGNORE, IN, OOD, Sample
from gmmbench.prediction import Prediction
from gmmbench.results import RunFolder
from gmmbench.scores import SCORES, choose

SIZE = (120, 160)
CLASSES = 8


class MadeImages:
    """As many images as you like, each a function of its number."""

    def __init__(self, number: int) -> None:
        self._number = number

    def __len__(self) -> int:
        return self._number

    def __getitem__(self, index: int, /) -> Sample:
        rng = np.random.default_rng(index)
        labels = rng.choice(np.array([IN, IN, IN, OOD, IGNORE], dtype=np.uint8), SIZE)
        image = rng.integers(0, 256, (*SIZE, 3)).astype(np.uint8)
        image[labels == OOD] //= 2
        return Sample(f"image-{index:05d}", image, labels)


def predict(image: NDArray[np.uint8]) -> Prediction:
    """Logits and densities of a pixel's colour."""
    weights = torch.linspace(-3, 3, 3 * CLASSES).reshape(CLASSES, 3)
    logits = torch.einsum("hwk,ck->chw", torch.from_numpy(image).float() / 32, weights.roll(1, 0))
    return Prediction(logits, -logits.square() - 10)


def run(images: int) -> None:
    """One evaluation; prints seconds and peak MiB."""
    torch.set_num_threads(1)
    scores = {name: SCORES[name] for name in choose("fast", {"logits", "density"})}
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        evaluate_ood(
            predicted(predict, scores),
            MadeImages(images),
            dict.fromkeys(scores, "logits"),
            folder=RunFolder(Path(folder)),
            run="memory",
            dataset="made",
            provenance={},
        )
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    print(f"{images:6} images, {len(scores)} scores: {seconds:7.1f} s, peak {peak:7.0f} MiB", flush=True)


def main() -> None:
    """Each size in a process of its own."""
    parser = argparse.ArgumentParser(description="memory of an evaluation by the number of images")
    parser.add_argument("--images", type=int, nargs="+", default=[50, 5000])
    parser.add_argument("--here", action="store_true", help="run in this process (what the others are started with)")
    options = parser.parse_args()
    for images in options.images:
        if options.here:
            run(images)
        else:
            subprocess.run([sys.executable, __file__, "--here", "--images", str(images)], check=True)


if __name__ == "__main__":
    main()
