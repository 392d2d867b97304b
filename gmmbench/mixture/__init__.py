"""What the mixtures of a trained model learnt, in numbers: one pass over labelled images, no disk."""

from gmmbench.mixture.densities import ClassMixtures
from gmmbench.mixture.description import Budget, Description, describe
from gmmbench.mixture.quantiles import LEVELS, below, counted, quantiles

__all__ = ["LEVELS", "Budget", "ClassMixtures", "Description", "below", "counted", "describe", "quantiles"]
