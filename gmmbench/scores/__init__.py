"""Anomaly scores: pure functions of a ``Prediction``, higher = more anomalous."""

from gmmbench.scores.registry import SCORES, Score, choose

__all__ = ["SCORES", "Score", "choose"]
