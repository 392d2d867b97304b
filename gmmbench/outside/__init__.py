"""Models and scores that are not ours: a Python name to what evaluation asks for."""

from gmmbench.outside.load import load_object
from gmmbench.outside.predictor import OutsidePredictor, outside_predictor
from gmmbench.outside.score import outside_score

__all__ = ["OutsidePredictor", "load_object", "outside_predictor", "outside_score"]
