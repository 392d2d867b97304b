"""Segmentation of the known classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from gmmbench.errors import InputError
from gmmbench.evaluate.reading import ImageSet, Progress, number_of, read_ahead
from gmmbench.evaluate.sources import Predict
from gmmbench.metrics import CLASS_READINGS, CONFUSION_READINGS, ConfusionMatrix
from gmmbench.results import Row, RunFolder


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
    for sample in read_ahead(images, number_of(images, limit), progress):
        prediction = predict(sample.image)
        if not torch.isfinite(prediction.logits).all():
            raise InputError(f"image '{sample.name}': the model's logits are not finite; is the checkpoint whole?")
        confusion.update(prediction.logits.argmax(dim=0).cpu().numpy(), sample.labels, sample.name)
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
