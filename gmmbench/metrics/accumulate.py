"""One score over one data set, counted image by image as a protocol wants it."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from gmmbench.metrics.counts import ScoreCounts
from gmmbench.metrics.exact import ExactScores
from gmmbench.metrics.images import ImageCounts
from gmmbench.metrics.pixels import check_pixels
from gmmbench.metrics.protocols import Empty, Protocol
from gmmbench.metrics.readings import READINGS, read_all


class Accumulator:
    """Pooled counts of one score and, where the protocol is a mean over images, each image's own values.

    Attributes:
        counts: of the pixels of all images taken, pooled.
        image_values: metric to its value of each image taken, in their order and at full precision;
            empty lists where the protocol pools.
        images: taken.
        skipped: images that the protocol leaves out.
    """

    def __init__(self, protocol: Protocol, exact: bool = False) -> None:
        """``exact`` keeps every score and sorts; else scores are counted in bins."""
        self._protocol = protocol
        self._new = ExactScores if exact else ScoreCounts
        self.counts: ScoreCounts | ExactScores = self._new()
        self.image_values: dict[str, list[float]] = {name: [] for name in protocol.readings}
        self.images = 0
        self.skipped = 0

    def add(self, scores: NDArray[np.float32], labels: NDArray[np.uint8], name: str = "") -> ImageCounts | None:
        """Count one image and return its own coarse counts; None where the protocol skips the image.

        Args:
            scores: (H, W) float32, higher = more anomalous; rounded here if the protocol rounds.
            labels: (H, W) uint8, IN, OOD or IGNORE, at the protocol's size.
            name: of the image, for the error messages.

        Raises:
            InputError: as ``ScoreCounts.update``, or the protocol refuses the image; then nothing of it is counted.
        """
        if self._protocol.empty is not Empty.KEPT:
            check_pixels(scores, labels, name)  # an unknown label is to be named, not taken for a missing anomaly
        if not self._protocol.takes(labels, name):
            self.skipped += 1
            return None
        scores = self._protocol.rounded(scores)
        image = self.counts.update(scores, labels, name)
        if self._protocol.per_image:
            own = self._new()
            own.update(scores, labels, name)
            for metric, reading in self._protocol.readings.items():
                self.image_values[metric].append(reading.read(own))
        self.images += 1
        return image

    def values(self) -> dict[str, float]:
        """Each metric of the protocol, NaN where it is undefined, such as of no image."""
        if self._protocol.per_image:
            return {name: float(np.mean(values)) if values else math.nan for name, values in self.image_values.items()}
        usual = read_all(self.counts)  # from one walk: kept scores are sorted at each
        return {
            name: usual[name] if reading is READINGS.get(name) else reading.read(self.counts)
            for name, reading in self._protocol.readings.items()
        }

    def to_counts(self) -> ScoreCounts:
        """The pooled pixels in bins, to be saved and drawn, however they were kept."""
        return self.counts.to_counts() if isinstance(self.counts, ExactScores) else self.counts
