"""What evaluation costs beside the model: ``eval-ood``'s loop against the bare forward passes on the same images.

    python benchmarks/evaluate.py --threads 2
    python benchmarks/evaluate.py --config configs/camvid/mobilenetv2_mlp_softmax.py --checkpoint model.pth \
        --dataset road_anomaly --data-root data

Without ``--dataset``, JPEG images of 1280x720 are drawn from noise; without ``--checkpoint``, weights are random:
neither changes what is computed. Two rivals, both on decoded images that lie in memory:

* network: the bare network on its input, nothing else;
* predict: the network, and its logits (and densities) at the labels' resolution, which no evaluation can do without.

Ours reads and decodes the files, predicts, scores, counts every score, and writes the run folder with 1,000 bootstrap
resamples of every number. "fast" are the scores of logits and densities; "post hoc" all that need one forward without a
gradient, so not ODIN (a gradient) and not MC dropout (eight forwards). Fits are done beforehand. Rounds alternate, and
the median round counts.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from gmmbench.data import ood_set
from gmmbench.data.folder import folder_set
from gmmbench.data.pairs import PairedSet
from gmmbench.evaluate import Measure, evaluate_ood, predicted
from gmmbench.fitting import fitted_scores
from gmmbench.labels import Sample
from gmmbench.models.predictor import Predictor, load_predictor
from gmmbench.results import RunFolder
from gmmbench.scores import FittedScore, Score, choose
from gmmbench.scores.training_pixels import TrainingPixels

SIZE = (720, 1280)
LIMITS = {"fast": 1.25, "post hoc": 2.0}
MORE_THAN_ONE_FORWARD = {"perturbed", "dropout", "ensemble"}


def draw_images(folder: Path, number: int, seed: int) -> PairedSet:
    """JPEG images with some structure, and masks with one OOD square."""
    rng = np.random.default_rng(seed)
    for name in ("images", "masks"):
        (folder / name).mkdir()
    height, width = SIZE
    for index in range(number):
        coarse = rng.integers(0, 256, (height // 40, width // 40, 3)).astype(np.uint8)
        picture = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
        picture.save(folder / "images" / f"{index:03d}.jpg", quality=90)
        mask = np.zeros(SIZE, dtype=np.uint8)
        mask[300:500, 400:600] = 1
        mask[-20:] = 255
        Image.fromarray(mask).save(folder / "masks" / f"{index:03d}.png")
    return folder_set(folder / "images", folder / "masks", "0=in,1=ood,255=ignore")


def fit(
    predictor: Predictor, chosen: Mapping[str, Score | FittedScore], samples: Sequence[Sample], folder: Path
) -> dict[str, Score]:
    """All scores ready, fitted to arg-max classes of the images themselves: what they compute costs the same."""
    prediction = predictor(samples[0].image)
    classes = prediction.logits.shape[0]
    assert prediction.features is not None
    rows = prediction.features.flatten(1).t().cpu()
    logits = torch.nn.functional.interpolate(prediction.logits[None], size=prediction.features.shape[1:])[0]
    flat = logits.flatten(1).t().cpu()
    pixels = TrainingPixels(rows, flat, torch.arange(len(rows)) % classes, prediction.head)
    scores, _ = fitted_scores(
        chosen,
        folder=folder,
        about={"pixels": 0, "images": 1, "closed_set": "", "split": "", "seed": 0},
        pixels=lambda: pixels,
    )
    return scores


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    """Print wall times and ratios."""
    parser = argparse.ArgumentParser(description="eval-ood against bare forward passes")
    parser.add_argument("--config", type=Path, default=Path("configs/camvid/mobilenetv2_mlp_softmax.py"))
    parser.add_argument("--checkpoint", type=Path, help="random weights without one")
    parser.add_argument("--dataset", help="an OOD set; drawn images without one")
    parser.add_argument("--data-root", type=Path, default=Path("data"))
    parser.add_argument("--images", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as scratch:
        run(options, Path(scratch))


def run(options: argparse.Namespace, scratch: Path) -> None:
    """All rounds of all rivals."""
    checkpoint = options.checkpoint or random_checkpoint(options.config, scratch / "model.pth")
    predictor = load_predictor(options.config, checkpoint)
    images = (
        ood_set(options.dataset, options.data_root) if options.dataset else draw_images(scratch, options.images, seed=0)
    )
    samples = [images[index] for index in range(min(options.images, len(images)))]
    given = predictor.gives
    fast = choose("fast", given)
    post_hoc = {name: score for name, score in choose("all", given).items() if score.needs not in MORE_THAN_ONE_FORWARD}
    scores = {"fast": fit(predictor, fast, samples, scratch), "post hoc": fit(predictor, post_hoc, samples, scratch)}
    inputs = [predictor.see(sample.image) for sample in samples]

    def network() -> None:
        with torch.inference_mode():
            for seen in inputs:
                predictor.model.decode_head(predictor.model.extract_feat(seen))

    def predict() -> None:
        for sample in samples:
            predictor(sample.image)

    def evaluate(kind: str) -> None:
        evaluate_ood(
            predicted(predictor, scores[kind]),
            images,
            dict.fromkeys(scores[kind], "logits"),
            folder=RunFolder(scratch / "run"),
            run="bench",
            dataset="bench",
            provenance={},
            measure=Measure(limit=len(samples)),
        )

    rivals: dict[str, Callable[[], None]] = {"network": network, "predict": predict}
    rivals |= {kind: lambda kind=kind: evaluate(kind) for kind in scores}  # type: ignore[misc]
    times: dict[str, list[float]] = {name: [] for name in rivals}
    network()
    for _ in range(options.rounds):
        for name, work in rivals.items():
            times[name].append(seconds(work))
    typical = {name: statistics.median(values) for name, values in times.items()}
    height, width = inputs[0].shape[2:]
    print(
        f"{options.config.stem}, {len(samples)} images of {samples[0].labels.shape}, network input {height}x{width},"
        f" {options.threads} threads; ms an image, median of {options.rounds} rounds"
    )
    for name, value in typical.items():
        number = f" ({len(scores[name])} scores)" if name in scores else ""
        print(f"{name + number:24}{1000 * value / len(samples):9.1f}", end="")
        if name in scores:
            print(
                f"   {value / typical['predict']:.2f} x predict, {value / typical['network']:.2f} x network"
                f"   (limit {LIMITS[name]})",
                end="",
            )
        print()


def random_checkpoint(config: Path, path: Path) -> Path:
    """A state dict of random weights for a config."""
    from mmengine.registry import init_default_scope
    from mmseg.registry import MODELS

    from gmmbench.models.config import for_prediction, read_config

    torch.manual_seed(0)
    init_default_scope("mmseg")
    torch.save(MODELS.build(for_prediction(read_config(config).model)).state_dict(), path)
    return path


if __name__ == "__main__":
    main()
