"""Gaussian mixtures as pixel classifiers: torch only, usable without the rest of gmmbench."""

from gmmbench.gmm.classifier import Assignment, GMMClassifier, Reading
from gmmbench.gmm.presets import PRESETS

__all__ = ["PRESETS", "Assignment", "GMMClassifier", "Reading"]
