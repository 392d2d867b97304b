"""Each image's own AP and FPR95: what pooled numbers hide."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gmmbench.metrics import READINGS
from gmmbench.metrics.readings import ood_fraction
from gmmbench.report.choose import Choice

METRICS = ("AP", "FPR95")


@dataclass(frozen=True)
class PerImage:
    """Of one score, in the order of the images.

    Attributes:
        names: as the data set gives them.
        values: (N,) float64 by metric; NaN where an image has no IN or no OOD pixel.
        prevalence: (N,) float64, share of OOD pixels among those that count.
    """

    names: tuple[str, ...]
    values: dict[str, NDArray[np.float64]]
    prevalence: NDArray[np.float64]

    def extremes(self, metric: str, most: int) -> tuple[list[int], list[int]]:
        """Places of the worst and of the best images, at most ``most`` each and none in both; each from its end."""
        values = self.values[metric]
        sign = 1 if READINGS[metric].higher_is_better else -1
        order = [int(place) for place in np.argsort(sign * values, kind="stable") if not np.isnan(values[place])]
        worst = order[: min(most, (len(order) + 1) // 2)]
        return worst, [place for place in order[::-1][:most] if place not in worst]


def per_image(row: Choice) -> PerImage | None:
    """Of the model's first seed; ``None`` where the run folder keeps no counts of images.

    Raises:
        InputError: the counts are damaged.
    """
    folder = row.model.runs[0].folder
    if not folder.counts_file(row.dataset, f"{row.score}.images").is_file():
        return None
    saved = folder.image_counts(row.dataset, row.score)
    values: dict[str, list[float]] = {metric: [] for metric in METRICS}
    prevalence = []
    for counts in saved:
        for metric in METRICS:
            values[metric].append(READINGS[metric].read(counts))
        prevalence.append(ood_fraction(counts))
    return PerImage(tuple(saved.names()), {key: np.array(own) for key, own in values.items()}, np.array(prevalence))
