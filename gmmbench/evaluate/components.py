"""Component metrics of one score: its maps wait on disk until the threshold is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gmmbench.atomic import complaining_of
from gmmbench.metrics.bootstrap import resampled_ratios
from gmmbench.metrics.components import COMPONENT_READINGS, VECTOR_LENGTH, ComponentRules, count_components


class ComponentTally:
    """Keeps the score maps of a data set in a scratch folder, 4 bytes a pixel, and counts their components at the end.

    The threshold is the one of the best pixel F1 of the whole data set, so no image can be counted before the last
    one was seen. Labels lie beside the maps, 1 byte a pixel.
    """

    def __init__(self, scratch: Path, rules: ComponentRules) -> None:
        self._scratch = scratch
        self._rules = rules
        self._kept = 0
        with complaining_of(scratch):
            scratch.mkdir(parents=True)

    def keep(self, scores: NDArray[np.float32], labels: NDArray[np.uint8]) -> None:
        """The next image."""
        with complaining_of(self._scratch):
            np.save(self._map(self._kept), scores)
            np.save(self._labels(self._kept), labels)
        self._kept += 1

    def finish(self, threshold: float) -> NDArray[np.float64]:
        """(N, K) component statistics of each image at ``threshold``; the maps are gone then."""
        vectors = np.empty((self._kept, VECTOR_LENGTH))
        for number in range(self._kept):
            predicted = np.load(self._map(number)) >= threshold
            vectors[number] = count_components(predicted, np.load(self._labels(number)), self._rules).to_vector()
            self._map(number).unlink()
            self._labels(number).unlink()
        return vectors

    def _map(self, number: int) -> Path:
        return self._scratch / f"{number}.npy"

    def _labels(self, number: int) -> Path:
        return self._scratch / f"{number}.labels.npy"


def read_components(sums: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """(..., K) summed statistics to the component metrics, (...) each."""
    return {name: reading.read(sums) for name, reading in COMPONENT_READINGS.items()}


def component_spread(vectors: NDArray[np.float64]) -> dict[str, tuple[float, NDArray[np.float64]]]:
    """Readings of (N, K) statistics of N images, and (R,) of resampled ones, at the threshold as it stands."""
    drawn = resampled_ratios(vectors, read_components)
    return {name: (float(value), drawn[name]) for name, value in read_components(vectors.sum(axis=0)).items()}
