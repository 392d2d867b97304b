"""Segmentation of the known classes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from gmmbench.errors import InputError
from gmmbench.evaluate.reading import ImageSet, Progress, number_of, read_ahead
from gmmbench.evaluate.sources import Predict
from gmmbench.metrics import CLASS_READINGS, CONFUSION_READINGS, ConfusionMatrix
from gmmbench.metrics.resampled_confusion import ResampledConfusion
from gmmbench.metrics.resampling import LEVEL, Interval, interval
from gmmbench.results import Row, RunFolder
from gmmbench.results.resamples import write_resamples


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

    One confusion matrix over all pixels, arg-max of the logits at label resolution. Rows, matrix and what the
    numbers are on resampled images are saved in ``folder`` and the rows returned.

    Raises:
        InputError: data that cannot be read, or logits that are not finite; names the image.
    """
    total = number_of(images, limit)
    confusion, drawn = ConfusionMatrix(len(classes)), ResampledConfusion(len(classes), total)
    names = []
    for sample in read_ahead(images, total, progress):
        prediction = predict(sample.image)
        if not torch.isfinite(prediction.logits).all():
            raise InputError(f"image '{sample.name}': the model's logits are not finite; is the checkpoint whole?")
        mine = ConfusionMatrix(len(classes))
        mine.update(prediction.logits.argmax(dim=0).cpu().numpy(), sample.labels, sample.name)
        confusion.merge(mine)
        drawn.add(mine)
        names.append(sample.name)
    counts = {
        "images": total,
        "images_total": len(images),
        "pixels": confusion.pixels,
        "pixels_ignored": confusion.pixels_ignored,
    }

    def row(metric: str, value: float, spread: Interval, class_name: str | None = None) -> Row:
        # A row read back knows no NaN ends: an interval that nothing defines is none.
        low, high = (None if math.isnan(end) else end for end in (spread.low, spread.high))
        return Row("closed", run, dataset, metric, value, None, None, class_name, counts, provenance, low, high)

    of_all, of_classes = drawn.values(), drawn.class_values()
    rows = [
        row(name, reading.read(confusion), interval(of_all[name], LEVEL))
        for name, reading in CONFUSION_READINGS.items()
    ]
    for metric, per_class in CLASS_READINGS.items():
        columns = zip(classes, per_class.read(confusion), of_classes[metric].T, strict=True)
        rows += [row(metric, float(value), interval(column, LEVEL), name) for name, value, column in columns]
    folder.save_counts(dataset, "confusion", confusion.to_arrays())
    kept = of_all | {f"IoU/{name}": column for name, column in zip(classes, of_classes["IoU"].T, strict=True)}
    write_resamples(folder.counts_file(dataset, "confusion.resamples"), names, kept)
    folder.replace_rows("closed", dataset, rows)
    return rows
