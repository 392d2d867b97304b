"""Anomaly scores: pure functions of a ``Prediction``, higher = more anomalous."""

from gmmbench.scores.registry import FIELDS, FITTED, SCORES, FittedScore, Score, choose, family_of, options_of

__all__ = ["FIELDS", "FITTED", "SCORES", "FittedScore", "Score", "choose", "family_of", "options_of"]
