"""Rows, arrays and their provenance on disk."""

from gmmbench.results.folder import ROWS, RunFolder
from gmmbench.results.image_counts import SavedImages
from gmmbench.results.rows import Row
from gmmbench.results.staging import Staging, staging

__all__ = ["ROWS", "Row", "RunFolder", "SavedImages", "Staging", "staging"]
