"""A look at some of the images before any is drawn: the scale of heat that all of them share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gmmbench.evaluate import Progress
from gmmbench.predict.inputs import Inputs
from gmmbench.predict.page import Seen
from gmmbench.predict.scale import limits_of, spread
from gmmbench.predict.sight import Sight

KEPT_BYTES = 2**29
"""What the model said of images is kept up to this size: a few images are then predicted once, not twice."""


@dataclass(frozen=True)
class Survey:
    """What was found.

    Attributes:
        limits: the scores at the ends of the heat.
        looked_at: so many images and frames gave them.
        kept: position in ``Inputs.stills`` to what the model said of that image.
    """

    limits: tuple[float, float]
    looked_at: int
    kept: dict[int, Seen]

    def note(self, score: str) -> str:
        """For a person: the scale, and how to have it again."""
        low, high = self.limits
        images = "1 image" if self.looked_at == 1 else f"{self.looked_at} images"
        return (
            f"heat of {score}: {low!r} to {high!r}, the 1st to 99th percentile over {images};"
            f" --range {low!r} {high!r} draws others on the same scale"
        )


def survey(sight: Sight, inputs: Inputs, progress: Progress | None = None) -> Survey:
    """The 1st to 99th percentile of the score, over images and frames spread evenly over all that was named."""
    chosen = spread(len(inputs.stills) + sum(video.count for video in inputs.videos))
    kept: dict[int, Seen] = {}
    looked_at = 0

    def scores() -> Iterator[NDArray[np.float32]]:
        nonlocal looked_at
        for position, seen in _looks(sight, inputs, chosen):
            looked_at += 1
            if position is not None and seen.nbytes + sum(other.nbytes for other in kept.values()) <= KEPT_BYTES:
                kept[position] = seen
            if progress is not None:
                progress(looked_at, len(chosen))
            yield seen.scores

    limits = limits_of(scores())
    return Survey(limits, looked_at, kept)


def _looks(sight: Sight, inputs: Inputs, chosen: list[int]) -> Iterator[tuple[int | None, Seen]]:
    """What the model says of the chosen ones: images and the frames of all videos, numbered through."""
    for position in chosen:
        if position < len(inputs.stills):
            still = inputs.stills[position]
            yield position, sight(still.read(), still.name)
    before = len(inputs.stills)
    for video in inputs.videos:
        for frame in video.frames({position - before for position in chosen if 0 <= position - before < video.count}):
            yield None, sight(frame, video.name)
        before += video.count
