"""Run folders of made-up numbers, as large as wanted: what a report of many data sets, scores and seeds is tried on.

    python benchmarks/made_up_runs.py OUT --datasets 30 --scores 40 --seeds 5
    gmmbench report OUT/* --out OUT-report
    python benchmarks/page.py --page OUT-report/report.html

A GMM and its softmax twin, each with its half of the scores. Rows, counts, images' counts and resamples are of scores
drawn by lot, and agree with each other.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gmmbench.labels import IN, OOD
from gmmbench.metrics import READINGS, ScoreCounts
from gmmbench.metrics.rank import RANK_METRICS
from gmmbench.metrics.resampling import LEVEL, interval
from gmmbench.results import Row, RunFolder
from gmmbench.results.image_counts import ImageCountsWriter
from gmmbench.results.resamples import write_resamples

IMAGES, PIXELS = 4, 400
FAMILIES = {
    "made_up_gmm": ("density", "posterior", "features"),
    "made_up_softmax": ("logits", "logits", "features"),
}
"""Of each twin what its first scores read; the others read as the last of these."""


def write_runs(out: Path, datasets: int, scores: int, seeds: int) -> list[Path]:
    """The folders of both twins, in all seeds."""
    names = ["gmm_lse", *(f"score_{number:02d}" for number in range(1, scores))]
    return [
        write_run(out / f"{twin}_{seed}", twin, seed, datasets, names[place::2])
        for place, twin in enumerate(FAMILIES)
        for seed in range(seeds)
    ]


def write_run(path: Path, twin: str, seed: int, datasets: int, scores: Sequence[str]) -> Path:
    """One seed of one twin; the first score of a GMM is its density."""
    folder, rng = RunFolder(path), np.random.default_rng([seed, len(twin)])
    lines = []
    for place in range(datasets):
        dataset = f"made_up_{place:02d}"
        about = {
            "config": f"configs/{twin}.py", "config_sha256": twin.encode().hex().ljust(64, "0"),
            "checkpoint_sha256": f"{seed:064x}", "seed": seed, "recipe_sha256": "cafe" * 16,
            "training": {"iterations": 1000, "overrides": []},
            "protocol": {"protocol": "gmmbench", "resolution": "as the labels"},
            "dataset": {"name": dataset, "title": f"Made up number {place}", "frames_may_be_shown": False},
        }  # fmt: skip
        for number, name in enumerate(scores):
            family = FAMILIES[twin][min(number, len(FAMILIES[twin]) - 1)]
            lines += _score(folder, twin, dataset, name, family, about, rng, skill=3 * rng.random())
    path.mkdir(parents=True, exist_ok=True)
    (path / "results.jsonl").write_text("".join(f"{row.to_json()}\n" for row in lines), encoding="utf-8")
    return path


def _score(
    folder: RunFolder, twin: str, dataset: str, name: str, family: str, about: dict[str, object],
    rng: np.random.Generator, skill: float,
) -> list[Row]:  # fmt: skip
    pooled, names = ScoreCounts(), [f"image {number}" for number in range(IMAGES)]
    with ImageCountsWriter(folder.counts_file(dataset, f"{name}.images")) as writer:
        for image in names:
            labels = np.where(rng.random(PIXELS) < 0.1, OOD, IN).astype(np.uint8)
            scores = (rng.normal(size=PIXELS) + skill * (labels == OOD)).astype(np.float32)
            writer.add(image, pooled.update(scores, labels))
    folder.save_counts(dataset, name, pooled.to_arrays())
    values = {metric: reading.read(pooled) for metric, reading in READINGS.items()}
    drawn = {metric: value + rng.normal(0, 0.02, 1000) for metric, value in values.items() if metric in RANK_METRICS}
    write_resamples(folder.counts_file(dataset, f"{name}.resamples"), names, drawn)
    counts = {
        "images": IMAGES, "images_total": IMAGES, "pixels_in": pooled.pixels_in, "pixels_ood": pooled.pixels_ood,
        "pixels_ignored": 0,
    }  # fmt: skip
    return [
        Row("ood", twin, dataset, metric, value, name, family, None, counts, about, *_ends(drawn.get(metric)))
        for metric, value in values.items()
    ]


def _ends(drawn: np.ndarray | None) -> tuple[float | None, float | None]:
    return (None, None) if drawn is None else interval(drawn, LEVEL)[:2]


def main() -> None:
    """Write them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    for name, usual in (("datasets", 30), ("scores", 40), ("seeds", 5)):
        parser.add_argument(f"--{name}", type=int, default=usual)
    wanted = parser.parse_args()
    runs = write_runs(wanted.out, wanted.datasets, wanted.scores, wanted.seeds)
    print(f"wrote {len(runs)} run folders into {wanted.out}")


if __name__ == "__main__":
    main()
