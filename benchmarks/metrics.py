"""ScoreCounts and its readings against scikit-learn and torchmetrics: values, seconds and peak memory.

    python benchmarks/metrics.py                    # 2 M pixels a case: does it run, are the values right
    python benchmarks/metrics.py --pixels 200000000 --case density

100 images, made one at a time from a seed, outside all times. Each contender is a process of its own on
one thread. Ours counts image by image and reads every reading. The exact reference (``ExactScores``) keeps
all scores and sorts. scikit-learn (roc_auc_score, average_precision_score, roc_curve) and torchmetrics
(BinaryAUROC, BinaryAveragePrecision, exact mode) get at most ``--rival-pixels`` in one array made outside
their time; their seconds for all pixels are extrapolated from that by n log n, and said to be.
torchmetrics squashes scores outside [0, 1] by a sigmoid, which underflows on log-densities: its values
are shown, and held against nobody.

Peak memory is resident memory: the process's high-water mark (VmHWM of /proc, reset before each measured
part) less what was resident before the first, with the scores and labels that are handed in; of ours those
of one image. Linux only; NaN elsewhere. Seconds are wall time; those of the CPU beside them tell how busy
the machine was. Exit code 1: a value out of its limit, or, from 20 M pixels on, less than 40 times as fast
as scikit-learn or 600 MB or more.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gmmbench.labels import IGNORE, IN, OOD
from gmmbench.metrics import ExactScores, ScoreCounts, read_all

Image = tuple[NDArray[np.float32], NDArray[np.uint8]]

IMAGES = 100
OOD_SHARE = 0.04
LIMITS = {"AUROC": 1e-5, "AP": 1e-4, "FPR95": 1e-4}
SPEED, MEGABYTES = 40, 600
TELLING = 20_000_000  # pixels from which on seconds and megabytes are held to their targets


class Scores(NamedTuple):
    """Mean and standard deviation of the normal scores of each side."""

    inside: tuple[float, float]
    outside: tuple[float, float]


CASES = {
    "density": Scores(inside=(-80, 25), outside=(-40, 30)),  # -log p(x) in nats, of tens of dimensions
    "logit": Scores(inside=(-9, 2.5), outside=(-5, 2)),  # -max logit
}


class Meter:
    """Seconds spent, and megabytes of resident memory above what there was when this was made."""

    def __init__(self) -> None:
        self._before, self.megabytes = _status("VmRSS"), 0.0
        self.seconds, self.cpu_seconds = 0.0, 0.0

    def during(self, run: Callable[[], Any]) -> Any:
        """What ``run`` returns; its seconds are added, its peak is kept if it is the highest."""
        if Path("/proc/self/clear_refs").exists():
            Path("/proc/self/clear_refs").write_text("5")  # the high-water mark starts anew
        start, cpu_start = time.perf_counter(), time.process_time()
        result = run()
        self.seconds += time.perf_counter() - start
        self.cpu_seconds += time.process_time() - cpu_start
        self.megabytes = max(self.megabytes, _status("VmHWM") - self._before)
        return result

    def read(self) -> dict[str, float]:
        """What it shows, by name."""
        return {"seconds": self.seconds, "cpu": self.cpu_seconds, "megabytes": self.megabytes}


def _status(name: str) -> float:
    """A size in /proc/self/status, in megabytes."""
    file = Path("/proc/self/status")
    lines = file.read_text().splitlines() if file.exists() else []
    return next((int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith(f"{name}:")), math.nan)


def make_images(case: str, pixels: int, seed: int) -> Iterator[Image]:
    """Square images with one OOD square of OOD_SHARE and a void strip of 5 % at the bottom."""
    scores = CASES[case]
    side = max(20, round((pixels / IMAGES) ** 0.5))
    square = round(side * OOD_SHARE**0.5)
    for number in range(IMAGES):
        rng = np.random.default_rng([seed, number])
        labels = np.full((side, side), IN, dtype=np.uint8)
        top, left = rng.integers(0, side - square, 2)
        drawn = rng.standard_normal((side, side), dtype=np.float32)
        odd = drawn[top : top + square, left : left + square] * scores.outside[1] + scores.outside[0]
        drawn *= scores.inside[1]
        drawn += scores.inside[0]
        drawn[top : top + square, left : left + square] = odd
        labels[top : top + square, left : left + square] = OOD
        labels[-side // 20 :] = IGNORE
        yield drawn, labels


def stream(counts: ScoreCounts | ExactScores, images: Iterator[Image]) -> dict[str, Any]:
    """Count image by image, then read; ours, or the exact reference."""
    first = next(make_images("logit", 40_000, 0))
    warm = type(counts)()
    warm.update(*first)
    read_all(warm)
    image: Image | None = next(images)
    meter = Meter()  # with the first image there
    while image is not None:
        meter.during(partial(counts.update, *image))
        image = next(images, None)
    updating = meter.seconds
    values = meter.during(partial(read_all, counts))
    return {"values": values, "updating": updating, **meter.read()}


def by_sklearn(truth: NDArray[np.bool_], scores: NDArray[np.float32]) -> dict[str, float]:
    from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

    fpr, tpr, _ = roc_curve(truth, scores)
    return {
        "AUROC": float(roc_auc_score(truth, scores)),
        "AP": float(average_precision_score(truth, scores)),
        "FPR95": float(fpr[tpr >= 0.95][0]),
    }


def by_torchmetrics(truth: NDArray[np.bool_], scores: NDArray[np.float32]) -> dict[str, float]:
    import torch

    from gmmbench.models.compat import ensure_torchvision

    ensure_torchvision()  # torchmetrics imports it
    from torchmetrics.classification import BinaryAUROC, BinaryAveragePrecision

    target, given = torch.from_numpy(truth.astype(np.int64)), torch.from_numpy(scores)
    metrics: dict[str, Any] = {"AUROC": BinaryAUROC(thresholds=None), "AP": BinaryAveragePrecision(thresholds=None)}
    for metric in metrics.values():
        metric.update(given, target)
    return {name: float(metric.compute()) for name, metric in metrics.items()}


def whole(
    read: Callable[[NDArray[np.bool_], NDArray[np.float32]], dict[str, float]], images: Iterator[Image]
) -> dict[str, Any]:
    """All valid pixels in one array, then a rival."""
    kept = [(labels[labels != IGNORE] == OOD, scores[labels != IGNORE]) for scores, labels in images]
    truth, scores = (np.concatenate([pair[side] for pair in kept]) for side in (0, 1))
    del kept
    read(truth[:: max(1, truth.size // 10_000)], scores[:: max(1, truth.size // 10_000)])  # loads and warms
    meter = Meter()
    values = meter.during(partial(read, truth, scores))
    return {"values": values, **meter.read()}


CONTENDERS: dict[str, Callable[[Iterator[Image]], dict[str, Any]]] = {
    "gmmbench": lambda images: stream(ScoreCounts(), images),
    "exact": lambda images: stream(ExactScores(), images),
    "sklearn": lambda images: whole(by_sklearn, images),
    "torchmetrics": lambda images: whole(by_torchmetrics, images),
}


def measure(contender: str, case: str, pixels: int, seed: int) -> dict[str, Any]:
    """One contender in a fresh process, on one thread."""
    command = [sys.executable, __file__, "--worker", contender, "--case", case]
    ran = subprocess.run(
        [*command, "--pixels", str(pixels), "--seed", str(seed)],
        env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    result: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return result


def compare(case: str, pixels: int, rival_pixels: int, rivals: list[str], seed: int) -> bool:
    """Print the tables of one case; true when all that is held to a limit is within it."""
    fewer = min(pixels, rival_pixels)
    results = {name: measure(name, case, pixels, seed) for name in ("gmmbench", "exact")}
    ours = results["gmmbench"]
    small = ours if fewer == pixels else measure("gmmbench", case, fewer, seed)
    results |= {name: measure(name, case, fewer, seed) for name in rivals}
    factor = pixels * math.log(pixels) / (fewer * math.log(fewer))

    print(f"\n{case}: {pixels:,} pixels in {IMAGES} images; rivals measured at {fewer:,}, one thread each")
    print(f"{'':24}{'seconds':>10}{'of CPU':>10}{'at all pixels':>16}{'times ours':>12}{'peak MB beyond data':>21}")
    for name, result in results.items():
        at_all = result["seconds"] * (factor if name in rivals else 1)
        note = " extrapolated" if name in rivals and fewer < pixels else ""
        ratio = at_all / ours["seconds"]
        print(
            f"{name:24}{result['seconds']:10.2f}{result['cpu']:10.2f}{at_all:16.2f}{ratio:12.1f}{result['megabytes']:21.1f}{note}"
        )
    print(f"gmmbench's update alone: {ours['updating'] / pixels * 1e9:.1f} ns a pixel, the image's own counts included")
    within = show_values(f"at {pixels:,} pixels", ours["values"], "exact", results["exact"]["values"], LIMITS)
    for name in rivals:
        limits = LIMITS if name == "sklearn" else {}
        within &= show_values(f"at {fewer:,} pixels", small["values"], name, results[name]["values"], limits)
    if pixels >= TELLING:
        if "sklearn" in rivals:
            within &= results["sklearn"]["seconds"] * factor >= SPEED * ours["seconds"]
        within &= not ours["megabytes"] >= MEGABYTES
    return within


def show_values(
    title: str, ours: dict[str, float], name: str, theirs: dict[str, float], limits: dict[str, float]
) -> bool:
    """Print ours beside theirs; true when they are as near as ``limits`` ask."""
    print(f"{title:24}{'gmmbench':>14}{name:>14}{'|difference|':>14}{'limit':>9}")
    within = True
    for metric in (metric for metric in LIMITS if metric in theirs):
        difference = abs(ours[metric] - theirs[metric])
        within &= difference <= limits.get(metric, math.inf)
        limit = f"{limits[metric]:.0e}" if metric in limits else "none"
        print(f"{metric:24}{ours[metric]:14.8f}{theirs[metric]:14.8f}{difference:14.1e}{limit:>9}")
    return within


def main(arguments: list[str] | None = None) -> int:
    """Run the cases; 0 when all is within its limits, else 1."""
    parser = argparse.ArgumentParser(description="ScoreCounts against scikit-learn and torchmetrics")
    parser.add_argument("--pixels", type=int, default=2_000_000, help="pixels of all images together")
    parser.add_argument("--rival-pixels", type=int, default=20_000_000, help="the most that rivals get")
    parser.add_argument("--case", choices=CASES, help="one case; else all")
    parser.add_argument("--rivals", nargs="*", choices=["sklearn", "torchmetrics"], default=["sklearn", "torchmetrics"])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--worker", choices=CONTENDERS, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.worker:
        print(json.dumps(CONTENDERS[options.worker](make_images(options.case, options.pixels, options.seed))))
        return 0
    cases = [options.case] if options.case else list(CASES)
    within = [compare(case, options.pixels, options.rival_pixels, options.rivals, options.seed) for case in cases]
    print("\nall within the limits" if all(within) else "\nOUT OF THE LIMITS")
    return 0 if all(within) else 1


if __name__ == "__main__":
    sys.exit(main())
