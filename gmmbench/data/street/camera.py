"""The camera: road coordinates to pixels and back.

Road coordinates, in metres: x to the right of the road's centre line, y up from the ground,
z along the road away from the camera. The bend of the road lives in the projection, so
everything placed beside the centre line follows it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NEAR = 0.9
"""Metres: what is nearer is drawn as if it were here, so that no point is behind the camera."""

FAR = 160.0
"""Metres: where the ground ends, a row or so below the horizon."""


@dataclass(frozen=True)
class Camera:
    """A pinhole camera above the road that looks along it.

    Attributes:
        height, width: of the picture, in pixels.
        focal: focal length in pixels.
        horizon: row of the horizon.
        centre: column of the vanishing point of the straight road.
        eye: metres above the ground.
        offset: metres to the right of the centre line.
        bend: metres that the road moves right per square metre of distance.
    """

    height: int
    width: int
    focal: float
    horizon: float
    centre: float
    eye: float
    offset: float
    bend: float

    def seen(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """(N, 3) road coordinates to (N, 3) metres right of, above and ahead of the lens."""
        z = points[:, 2]
        return np.stack([points[:, 0] - self.offset + self.bend * z * z, points[:, 1] - self.eye, z], axis=1)

    def project(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """(N, 3) road coordinates to (N, 2) column and row."""
        z = np.maximum(points[:, 2], NEAR)
        scale = self.focal / z
        pixels = np.empty((len(points), 2))
        pixels[:, 0] = self.centre + scale * (points[:, 0] - self.offset + self.bend * z * z)
        pixels[:, 1] = self.horizon + scale * (self.eye - points[:, 1])
        return pixels

    def foot(self, x: float, z: float) -> tuple[float, float, float]:
        """Column and row of the ground point (x, z), and pixels per metre there."""
        scale = self.focal / z
        return (
            self.centre + scale * (x - self.offset + self.bend * z * z),
            self.horizon + scale * self.eye,
            scale,
        )

    def ground(self) -> tuple[int, NDArray[np.float32], NDArray[np.float32]]:
        """The first row that shows ground; from it down x of each pixel, (rows, width), and z of each row, (rows, 1).

        Both are float32 metres. What depends on z alone is cheap: a column.
        """
        first = int(np.ceil(self.horizon + self.focal * self.eye / FAR))
        rows = np.arange(first, self.height) + 0.5
        z = (self.focal * self.eye / (rows - self.horizon)).astype(np.float32)[:, None]
        columns = np.arange(self.width, dtype=np.float32) + np.float32(0.5)
        x = (columns - self.centre) * z / self.focal + self.offset - self.bend * z * z
        return first, x.astype(np.float32), z


def set_up(rng: np.random.Generator, height: int, width: int, lane: float) -> Camera:
    """A camera in the middle of the right-hand lane, more or less, for a (height, width) picture."""
    return Camera(
        height=height,
        width=width,
        focal=width * rng.uniform(0.78, 1.02),
        horizon=height * rng.uniform(0.36, 0.50),
        centre=width * rng.uniform(0.36, 0.64),
        eye=rng.uniform(1.35, 2.1),
        offset=lane / 2 + rng.uniform(-0.5, 0.5),
        bend=float(rng.normal(0.0, 0.0014)),
    )
