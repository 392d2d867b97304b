"""The only evaluation loops: predict once, then all scores and all counts."""

from gmmbench.evaluate.closed import evaluate_closed
from gmmbench.evaluate.ood import Measure, evaluate_ood
from gmmbench.evaluate.reading import ImageSet, Progress
from gmmbench.evaluate.sources import Predict, Scored, Source, blurred, given, maps_of, predicted

__all__ = [
    "ImageSet",
    "Measure",
    "Predict",
    "Progress",
    "Scored",
    "Source",
    "blurred",
    "evaluate_closed",
    "evaluate_ood",
    "given",
    "maps_of",
    "predicted",
]
