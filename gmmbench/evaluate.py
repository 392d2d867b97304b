"""The only evaluation loop: predict once, then all scores and all counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from gmmbench.errors import InputError
from gmmbench.labels import OOD, Sample
from gmmbench.metrics import CLASS_READINGS, CONFUSION_READINGS, READINGS, ConfusionMatrix, ScoreCounts
from gmmbench.prediction import Prediction
from gmmbench.results import Row, RunFolder
from gmmbench.scores import Score

PICTURES = 6
PICTURE_WIDTH = 480

Predict = Callable[[NDArray[np.uint8]], Prediction]
"""An (H, W, 3) uint8 RGB image to what the model says of it, at the image's resolution."""

Progress = Callable[[int, int], None]
"""Told (images done, images in all) after each image."""


class ImageSet(Protocol):
    """A sized sequence of ``Sample``s; ``gmmbench.data.pairs.PairedSet`` is one."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> Sample: ...


def evaluate_closed(
    predict: Predict,
    images: ImageSet,
    classes: Sequence[str],
    *,
    folder: RunFolder,
    run: str,
    dataset: str,
    provenance: Mapping[str, Any],
    limit: int | None = None,
    progress: Progress | None = None,
) -> list[Row]:
    """Segmentation of the known classes: mIoU, per-class IoU, pixel and mean accuracy.

    One confusion matrix over all pixels, arg-max of the logits at label resolution. Rows and matrix
    are saved in ``folder`` and the rows returned.

    Raises:
        InputError: data that cannot be read, or logits that are not finite; names the image.
    """
    confusion = ConfusionMatrix(len(classes))
    seen = 0
    for sample, prediction in _predictions(predict, images, limit, progress):
        if not torch.isfinite(prediction.logits).all():
            raise InputError(f"image '{sample.name}': the model's logits are not finite; is the checkpoint whole?")
        confusion.update(prediction.logits.argmax(dim=0).numpy(), sample.labels, sample.name)
        seen += 1
    counts = {
        "images": seen,
        "images_total": len(images),
        "pixels": confusion.pixels,
        "pixels_ignored": confusion.pixels_ignored,
    }

    def row(metric: str, value: float, class_name: str | None = None) -> Row:
        return Row("closed", run, dataset, metric, value, None, None, class_name, counts, provenance)

    rows = [row(name, reading.read(confusion)) for name, reading in CONFUSION_READINGS.items()]
    for metric, per_class in CLASS_READINGS.items():
        values = per_class.read(confusion)
        rows += [row(metric, float(value), name) for name, value in zip(classes, values, strict=True)]
    folder.save_counts(dataset, "confusion", confusion.to_arrays())
    folder.replace_rows("closed", dataset, rows)
    return rows


def evaluate_ood(
    predict: Predict,
    images: ImageSet,
    scores: Mapping[str, Score],
    *,
    folder: RunFolder,
    run: str,
    dataset: str,
    provenance: Mapping[str, Any],
    limit: int | None = None,
    progress: Progress | None = None,
    generative: bool | None = None,
) -> list[Row]:
    """Every score and every metric of one OOD set from one forward per image.

    Pooled over all pixels, at label resolution, IGNORE dropped. Rows, counts and a few pictures are
    saved in ``folder`` and the rows returned.

    Args:
        generative: the logits are made of the densities, so that scores of them are of the family
            "posterior"; if not said, wherever there is a density.

    Raises:
        InputError: data that cannot be read, or a score that is NaN; names the image.
    """
    counts = {name: ScoreCounts() for name in scores}
    total = _number(images, limit)
    pictures: dict[int, tuple[bool, str, dict[str, NDArray[Any]]]] = {}
    for number, (sample, prediction) in enumerate(_predictions(predict, images, limit, progress)):
        if generative is None:
            generative = prediction.density is not None
        maps = {name: score(prediction).numpy() for name, score in scores.items()}
        for name, values in maps.items():
            counts[name].update(values, sample.labels, sample.name)
        # One picture from each stretch of the set: its first image with an anomaly, or else its first.
        # That depends on the labels only, so the pictures of two models can stand side by side.
        place, anomalous = number * PICTURES // max(total, PICTURES), bool((sample.labels == OOD).any())
        if place not in pictures or (anomalous and not pictures[place][0]):
            pictures[place] = (anomalous, sample.name, _picture(sample, prediction, maps))
    rows = []
    for name, score in scores.items():
        seen = {
            "images": total,
            "images_total": len(images),
            "pixels_in": counts[name].pixels_in,
            "pixels_ood": counts[name].pixels_ood,
            "pixels_ignored": counts[name].pixels_ignored,
        }
        # A GMM model's logits are made of its densities: no baseline to set against the density.
        family = "posterior" if generative and score.needs == "logits" else score.needs
        for metric, reading in READINGS.items():
            value = reading.read(counts[name])
            rows.append(Row("ood", run, dataset, metric, value, name, family, None, seen, provenance))
        folder.save_counts(dataset, name, counts[name].to_arrays())
    folder.clear_pictures(dataset)
    for place, (_, image_name, arrays) in sorted(pictures.items()):
        folder.save_picture(dataset, place, image_name, arrays)
    folder.replace_rows("ood", dataset, rows)
    return rows


def _number(images: ImageSet, limit: int | None) -> int:
    if limit is not None and limit < 1:
        raise InputError(f"--limit {limit}: wanted at least one image")
    return len(images) if limit is None else min(limit, len(images))


def _predictions(
    predict: Predict, images: ImageSet, limit: int | None, progress: Progress | None
) -> Iterator[tuple[Sample, Prediction]]:
    total = _number(images, limit)
    for index in range(total):
        sample = images[index]
        yield sample, predict(sample.image)
        if progress is not None:
            progress(index + 1, total)


def _picture(
    sample: Sample, prediction: Prediction, maps: Mapping[str, NDArray[np.float32]]
) -> dict[str, NDArray[Any]]:
    """The image and its maps at picture size: averaged where values mix, nearest where they must not."""
    height, width = sample.labels.shape
    scale = min(1.0, PICTURE_WIDTH / width)
    size = (round(width * scale), round(height * scale))
    classes = prediction.logits.argmax(dim=0).to(torch.uint8).numpy()
    return {
        "image": cv2.resize(sample.image, size, interpolation=cv2.INTER_AREA),
        "labels": cv2.resize(sample.labels, size, interpolation=cv2.INTER_NEAREST),
        "prediction": cv2.resize(classes, size, interpolation=cv2.INTER_NEAREST),
    } | {f"score/{name}": cv2.resize(values, size, interpolation=cv2.INTER_AREA) for name, values in maps.items()}
