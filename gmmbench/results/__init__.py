"""Rows, arrays and their provenance on disk."""

from gmmbench.results.folder import ROWS, RunFolder
from gmmbench.results.image_counts import SavedImages
from gmmbench.results.rows import IMAGE_MEAN, Row
from gmmbench.results.staging import Staging, staging

__all__ = ["IMAGE_MEAN", "ROWS", "Row", "RunFolder", "SavedImages", "Staging", "staging"]
