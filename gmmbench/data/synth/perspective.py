"""How large a thing looks where it stands, and what stands in front of what."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gmmbench.data.synth.backgrounds import Background

_SHARE_OF_WIDTH = 0.005  # ground in a row is more than a few stray pixels
_NO_LABELS = 0.45  # the horizon of pictures without labels, from the top


@dataclass(frozen=True)
class View:
    """One picture's geometry: a level camera over a flat ground.

    At row y of the ground, a thing as long as the camera is high looks ``y - horizon`` pixels long: its size
    is linear in the distance below the horizon.

    Attributes:
        horizon: row where the ground vanishes; may lie above the picture.
        ground: (H, W) bool, where objects may stand.
        nearest: (H, W) int32: of what shows at a pixel, the row where it ends when going down its column, which is
            about where it stands; -1 on the ground itself and everywhere without labels.
    """

    horizon: float
    ground: NDArray[np.bool_]
    nearest: NDArray[np.int32]

    def pixels(self, metres: float, row: float, camera: float) -> float:
        """How long a thing of ``metres`` looks that stands at ``row``, under a camera ``camera`` metres high."""
        return metres / camera * (row - self.horizon)

    def hides(self, mask: NDArray[np.bool_], foot: int) -> float:
        """The share of ``mask``'s pixels where something shows that stands nearer than ``foot``.

        An object there would cover what should cover it. Void counts as a thing: so the own car's bonnet,
        which ends at the picture's lower edge, is never covered.
        """
        return float((self.nearest[mask] > foot).mean())


def view(picture: Background, ground: tuple[int, ...], horizon: float | None) -> View:
    """The geometry of a picture.

    Args:
        ground: class numbers that are ground; of a picture without labels, ground is the lower half below the
            horizon.
        horizon: share of the height; ``None`` takes the uppermost row where a two-hundredth of the width is ground,
            and without labels .45.
    """
    height, width = picture.image.shape[:2]
    if picture.labels is None:
        at = (_NO_LABELS if horizon is None else horizon) * height
        below = np.broadcast_to(np.arange(height)[:, None] >= max(height / 2, at + 1), (height, width))
        return View(at, below, np.full((height, width), -1, np.int32))
    on_ground = np.isin(picture.labels, ground)
    if horizon is not None:
        at = horizon * height
    else:
        rows = np.flatnonzero(on_ground.sum(axis=1) >= max(1.0, _SHARE_OF_WIDTH * width))
        at = float(rows[0]) if len(rows) else float(height)
    return View(at, on_ground, np.where(on_ground, np.int32(-1), _run_ends(picture.labels)))


def _run_ends(labels: NDArray[np.uint8]) -> NDArray[np.int32]:
    """(H, W): the lowest row of the run of equal labels, down its column, that a pixel is in."""
    height = len(labels)
    ends = np.repeat(np.arange(height, dtype=np.int32)[:, None], labels.shape[1], axis=1)
    for row in range(height - 2, -1, -1):
        same = labels[row] == labels[row + 1]
        ends[row, same] = ends[row + 1, same]
    return ends
