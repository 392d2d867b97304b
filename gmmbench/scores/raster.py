"""One number a feature pixel, as a score."""

from __future__ import annotations

from torch import Tensor

from gmmbench.prediction import Prediction
from gmmbench.scores.resolution import at_image_size


def score_of_rows(values: Tensor, p: Prediction) -> Tensor:
    """(h w,) numbers in raster order, as the rows of ``features_of(p)``, to (H, W) float32."""
    assert p.features is not None  # whoever made the numbers had them
    return at_image_size(values.view(p.features.shape[1:]), p)
