"""What is counted of one score while the images go by, and the values and intervals that come of it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

import numpy as np
from numpy.typing import NDArray

from gmmbench.evaluate.components import ComponentTally, component_spread
from gmmbench.metrics import READINGS, Reading
from gmmbench.metrics.accumulate import Accumulator
from gmmbench.metrics.bootstrap import resampled, resampled_means
from gmmbench.metrics.components import ComponentRules
from gmmbench.metrics.counted import Counted, SortedCounts
from gmmbench.metrics.protocols import Protocol
from gmmbench.metrics.rank import RANK_METRICS, Cumulated
from gmmbench.metrics.resampling import LEVEL, Interval, interval
from gmmbench.results import IMAGE_MEAN, SavedImages, Staging
from gmmbench.results.image_counts import ImageCountsWriter

Values = dict[str, tuple[float, Interval]]
"""Metric to its value and interval."""

Spread = tuple[float, NDArray[np.float64]]
"""A value, and (R,) what it would be on resampled images."""


class Tally:
    """Counts of one score over one data set. Holds pooled counts; what is of single images goes to disk.

    Args:
        name: of the score.
        staging: where its counts are written.
        protocol: whose definitions.
        exact: keep every score and sort, instead of counting in bins.
        rules: of component metrics; ``None``: none.
    """

    def __init__(
        self, name: str, staging: Staging, protocol: Protocol, *, exact: bool, rules: ComponentRules | None
    ) -> None:
        self.accumulator = Accumulator(protocol, exact)
        self._name, self._staging, self._protocol = name, staging, protocol
        self._files = ExitStack()
        self._images = self._files.enter_context(ImageCountsWriter(staging.file(f"{name}.images")))
        readings = {} if protocol.per_image else protocol.readings
        self._image_values: dict[str, list[float]] = {m: [] for m, r in readings.items() if r.headline}
        self._components = None if rules is None else ComponentTally(staging.scratch / name, rules)

    def add(self, scores: NDArray[np.float32], labels: NDArray[np.uint8], name: str) -> None:
        """Count one image. Raises InputError as ``Accumulator.add``."""
        counts = self.accumulator.add(scores, labels, name)
        if counts is None:
            return
        self._images.add(name, counts)
        for metric, values in self._image_values.items():
            values.append(self._protocol.readings[metric].read(counts))
        if self._components is not None:
            self._components.keep(self._protocol.rounded(scores), labels)

    def finish(self) -> Values:
        """Values and intervals of all metrics; stores what the run folder keeps."""
        self._files.close()
        counts = self.accumulator.to_counts()
        self._staging.save_counts(self._name, counts.to_arrays())
        found = self._of_images() if self._protocol.per_image else self._of_pixels()
        if self._components is not None:
            vectors = self._components.finish(READINGS["F1 threshold"].read(self.accumulator.counts))
            self._staging.save_counts(f"{self._name}.components", {"vectors": vectors})
            found |= component_spread(vectors)
        names = SavedImages(self._staging.file(f"{self._name}.images")).names()
        self._staging.save_resamples(self._name, names, {metric: drawn for metric, (_, drawn) in found.items()})
        return {metric: (value, interval(drawn, LEVEL)) for metric, (value, drawn) in found.items()}

    def close(self) -> None:
        """Let go of open files, after an error too."""
        self._files.close()

    def _of_pixels(self) -> dict[str, Spread]:
        images = SavedImages(self._staging.file(f"{self._name}.images"))
        drawn = resampled(lambda: images, formulas(self._protocol))
        found = {name: (value, drawn[name]) for name, value in self.accumulator.values().items()}
        return found | {f"{name}{IMAGE_MEAN}": _mean(own) for name, own in self._image_values.items()}

    def _of_images(self) -> dict[str, Spread]:
        return {name: _mean(own) for name, own in self.accumulator.image_values.items()}


def _mean(own: list[float]) -> Spread:
    values = np.array(own, dtype=np.float64)
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if defined.size else float("nan"), resampled_means(values)


def formulas(protocol: Protocol) -> dict[str, Callable[[Cumulated], NDArray[np.float64]]]:
    """The protocol's readings as the bootstrap takes them: of pooled pixels, many resamples at once."""
    return {name: _formula(name, reading) for name, reading in protocol.readings.items()}


def _formula(name: str, reading: Reading[Counted, float]) -> Callable[[Cumulated], NDArray[np.float64]]:
    """The reading of a thousand resamples at once; where a protocol has its own, one after the other."""
    if reading is READINGS.get(name):
        return RANK_METRICS[name]

    def one_by_one(c: Cumulated) -> NDArray[np.float64]:
        rows = zip(np.atleast_2d(c.false_positives), np.atleast_2d(c.true_positives), strict=True)
        return np.array([reading.read(_Resample(c.thresholds, *row)) for row in rows])

    return one_by_one


class _Resample:
    """One resample's pooled pixels, as a reading takes them."""

    def __init__(
        self, thresholds: NDArray[np.float64], false_positives: NDArray[np.float64], true_positives: NDArray[np.float64]
    ) -> None:
        self._edges = thresholds[::-1].astype(np.float32)
        self._in, self._ood = (np.diff(side, prepend=0)[::-1] for side in (false_positives, true_positives))
        self.pixels_in, self.pixels_ood = int(self._in.sum()), int(self._ood.sum())

    def sorted_counts(self) -> SortedCounts:
        """The occupied bins."""
        some = (self._in + self._ood) > 0
        sides = (side[some].astype(np.int64) for side in (self._in, self._ood))
        return SortedCounts(self._edges[some], *sides)
