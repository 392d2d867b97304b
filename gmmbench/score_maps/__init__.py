"""Score maps on disk: those that other code computed, to be evaluated here, and ours, to be sent elsewhere.

A score map is (H, W), floating point, one a labelled image, at the resolution of its labels. Higher means more
anomalous; anomaly is the positive class.
"""

from __future__ import annotations

from gmmbench.score_maps.reading import SUFFIXES, ScoreMaps
from gmmbench.score_maps.writing import FORMS, SMIYC_FOLDERS, smiyc_file, write_map

__all__ = ["FORMS", "SMIYC_FOLDERS", "SUFFIXES", "ScoreMaps", "smiyc_file", "write_map"]
