"""A thing: where it stands, how much room it takes, and how it is drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gmmbench.data.street.camera import Camera
from gmmbench.data.street.canvas import Canvas
from gmmbench.data.street.light import Light

Painter = Callable[[Canvas, Camera, Light], None]


@dataclass(frozen=True)
class Thing:
    """Something that stands on the ground.

    Attributes:
        label: the value of its pixels.
        x, z: its middle, metres in road coordinates.
        half_width, half_length: half its extent in x and in z, metres.
        height: metres; how far its shadow reaches.
        paint: draws it; all its random numbers were drawn before, or come from a generator of its own.
        behind: distance that decides the order of drawing, far first; a building takes its far end.
        solid: False where nothing can collide with it and it casts no shadow (the far skyline).
    """

    label: int
    x: float
    z: float
    half_width: float
    half_length: float
    height: float
    paint: Painter
    behind: float
    solid: bool = True

    def overlaps(self, other: Thing, room: float = 0.25) -> bool:
        """Whether the two footprints come closer than ``room`` metres."""
        return (
            abs(self.x - other.x) < self.half_width + other.half_width + room
            and abs(self.z - other.z) < self.half_length + other.half_length + room
        )

    def hides(self, other: Thing, camera: Camera, share: float = 0.3) -> bool:
        """Whether it stands before ``other`` and covers more than ``share`` of its width."""
        if self.z >= other.z:
            return False
        mine, its = self.columns(camera), other.columns(camera)
        return min(mine[1], its[1]) - max(mine[0], its[0]) > share * (its[1] - its[0])

    def columns(self, camera: Camera) -> tuple[float, float]:
        """The first and the last column of the picture that its footprint spans."""
        ends = []
        for z in (max(self.z - self.half_length, 1.0), self.z + self.half_length):
            column, _, scale = camera.foot(self.x, z)
            ends += [column - scale * self.half_width, column + scale * self.half_width]
        return min(ends), max(ends)
