"""What a model sees in images and videos, drawn over them: classes, and how anomalous each pixel is."""

from __future__ import annotations

from gmmbench.predict.look import Look
from gmmbench.predict.run import Predicted, predict

__all__ = ["Look", "Predicted", "predict"]
