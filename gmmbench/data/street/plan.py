"""The plan of a street: lanes, kerbs, building lines, side street, crossing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Plan:
    """The street seen from above, metres in road coordinates, the same on both sides.

    Attributes:
        lane: width of a lane; lanes: lanes in each direction.
        parking: width of the parking lane at each kerb, 0 where there is none.
        strip: width of the grass between kerb and sidewalk, 0 where there is none.
        walk: width of the sidewalk.
        yard: ground between the sidewalk and the building line.
        paved: whether the yard is paved; else it is grass.
        side_street: z where a side street begins and ends, or None.
        zebra: z where a zebra crossing begins, or None.
    """

    lane: float
    lanes: int
    parking: float
    strip: float
    walk: float
    yard: float
    paved: bool
    side_street: tuple[float, float] | None
    zebra: float | None

    @property
    def kerb(self) -> float:
        """Distance of the kerb from the centre line."""
        return self.lane * self.lanes + self.parking

    @property
    def walk_from(self) -> float:
        """Distance of the near edge of the sidewalk from the centre line."""
        return self.kerb + self.strip

    @property
    def walk_to(self) -> float:
        """Distance of the far edge of the sidewalk from the centre line."""
        return self.walk_from + self.walk

    @property
    def building_line(self) -> float:
        """Distance of the building line from the centre line."""
        return self.walk_to + self.yard

    def in_side_street(self, z: float, room: float = 0.0) -> bool:
        """Whether z lies in the side street, or nearer to it than ``room``."""
        return self.side_street is not None and self.side_street[0] - room < z < self.side_street[1] + room


def draw_plan(rng: np.random.Generator) -> Plan:
    """A street."""
    side_street = None
    if rng.random() < 0.4:
        start = float(rng.uniform(11, 34))
        side_street = (start, start + float(rng.uniform(6, 10)))
    zebra = None
    if rng.random() < 0.4:
        free = float(rng.uniform(6, 24))
        zebra = free if side_street is None else side_street[0] - 4.5
    return Plan(
        lane=rng.uniform(2.9, 3.6),
        lanes=1 if rng.random() < 0.72 else 2,
        parking=float(rng.choice([0.0, 2.1, 2.3], p=[0.4, 0.3, 0.3])),
        strip=0.0 if rng.random() < 0.65 else rng.uniform(0.8, 1.8),
        walk=rng.uniform(1.7, 3.8),
        yard=0.0 if rng.random() < 0.5 else rng.uniform(0.8, 5.0),
        paved=bool(rng.random() < 0.4),
        side_street=side_street,
        zebra=zebra,
    )
