"""Gaussian mixtures as pixel classifiers: torch only, usable without the rest of gmmbench."""

from gmmbench.gmm.classifier import GMMClassifier, Reading

__all__ = ["GMMClassifier", "Reading"]
