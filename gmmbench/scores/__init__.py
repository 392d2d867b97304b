"""Anomaly scores: pure functions of a ``Prediction``, higher = more anomalous."""

from gmmbench.scores.choosing import choose, family_of
from gmmbench.scores.registry import FAST, FITTED, SCORES
from gmmbench.scores.score import FIELDS, FittedScore, Score, options_of, with_options

__all__ = [
    "FAST",
    "FIELDS",
    "FITTED",
    "SCORES",
    "FittedScore",
    "Score",
    "choose",
    "family_of",
    "options_of",
    "with_options",
]
