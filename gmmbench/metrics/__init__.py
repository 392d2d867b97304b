"""Metrics: integer counts that merge by ``+``, and pure readings of them.

Pool the counts of all images first, then read: no reading is ever averaged over images or batches.
"""

from gmmbench.metrics.confusion import CLASS_READINGS, CONFUSION_READINGS, ConfusionMatrix
from gmmbench.metrics.counts import NaNScoreError, ScoreCounts
from gmmbench.metrics.readings import READINGS, Reading

__all__ = [
    "CLASS_READINGS",
    "CONFUSION_READINGS",
    "READINGS",
    "ConfusionMatrix",
    "NaNScoreError",
    "Reading",
    "ScoreCounts",
]
