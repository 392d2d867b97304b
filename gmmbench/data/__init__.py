"""Evaluation data: what is on disk, as ``Sample``s."""

from gmmbench.data.registry import CLOSED_SETS, DATASETS, ClosedSet, closed_set, ood_set

__all__ = ["CLOSED_SETS", "DATASETS", "ClosedSet", "closed_set", "ood_set"]
