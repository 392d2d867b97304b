"""Metrics: integer counts that merge by ``+``, and pure readings of them.

Pool the counts of all images first, then read: no reading is ever averaged over images or batches.
"""

from gmmbench.metrics.confusion import CLASS_READINGS, CONFUSION_READINGS, ConfusionMatrix
from gmmbench.metrics.counted import Counted
from gmmbench.metrics.counts import ScoreCounts
from gmmbench.metrics.exact import ExactScores
from gmmbench.metrics.images import ImageCounts
from gmmbench.metrics.pixels import NaNScoreError
from gmmbench.metrics.readings import READINGS, Reading, read_all

__all__ = [
    "CLASS_READINGS",
    "CONFUSION_READINGS",
    "READINGS",
    "ConfusionMatrix",
    "Counted",
    "ExactScores",
    "ImageCounts",
    "NaNScoreError",
    "Reading",
    "ScoreCounts",
    "read_all",
]
