"""A model and one score, asked of images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gmmbench.errors import InputError
from gmmbench.evaluate import Source, blurred, predicted
from gmmbench.evaluate.sources import check_blur
from gmmbench.labels import IGNORE, Sample
from gmmbench.predict.classes import Classes, classes_of
from gmmbench.predict.page import Seen
from gmmbench.scores import FIELDS, choose
from gmmbench.verbs.ready import Wanted, make_ready, wanted
from gmmbench.verbs.setting import ProgressBar
from gmmbench.verbs.subject import Subject

USUAL = ("gmm_lse", "energy")
"""The first of these that a model can give is drawn where nobody says which."""


@dataclass(frozen=True)
class Sight:
    """What a model sees in an image.

    Attributes:
        source: gives the score and the prediction.
        score: its name.
        classes: of the model.
        notes: on what was fitted.
    """

    source: Source
    score: str
    classes: Classes
    notes: tuple[str, ...]

    def __call__(self, image: NDArray[np.uint8], name: str) -> Seen:
        """Of (H, W, 3) uint8 RGB; ``name`` is for messages."""
        nothing = np.full(image.shape[:2], IGNORE, dtype=np.uint8)
        scored = self.source(Sample(name, image, nothing))
        assert scored.prediction is not None  # it comes from a model
        classes = scored.prediction.logits.argmax(dim=0).int().cpu().numpy()
        [scores] = scored.maps.values()
        return Seen(image, classes, scores.cpu().numpy())


def check_asked(score: str | None, blur: float | None) -> Wanted:
    """What to ask of the model, as far as that can be checked without it. Raises InputError."""
    if blur is not None:
        check_blur(blur)
    if score is None:
        return wanted("fast", ())  # the usual scores are among them
    asked, number = wanted(score, ()), len(choose(score, FIELDS))
    if number != 1:
        raise InputError(f"--score {score} names {number} scores; wanted one")
    return asked


def sight_of(
    subject: Subject,
    asked: Wanted,
    *,
    blur: float | None,
    example: Callable[[], NDArray[np.uint8]],
    data_root: Path,
    out: Path,
    bar: ProgressBar,
) -> Sight:
    """Load the model, and fit the score where it must be fitted.

    Args:
        asked: what ``check_asked`` gave.
        example: an image, for a model that does not say how many classes it has.
        data_root: of the training images that a score is fitted to.
        out: fits of a model without a checkpoint are kept there.

    Raises:
        InputError: the model cannot be loaded, or cannot give the score.
    """
    ready = make_ready(subject, asked, data_root=data_root, out=out, bar=bar)
    name = next((usual for usual in USUAL if usual in ready.scores), None) if asked.names == "fast" else None
    name = name or next(iter(ready.scores))
    source = predicted(ready.model, {name: ready.scores[name]})
    number = ready.model.num_classes or len(ready.model(example()).logits)
    classes = classes_of(ready.loaded, number)
    return Sight(source if blur is None else blurred(source, blur), name, classes, tuple(ready.notes()))
