"""How a synthetic set is made: every number that decides it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from gmmbench.data.synth.blending import BLENDS
from gmmbench.errors import InputError, unknown_name

EMPTY, KNOWN, ANOMALY = "empty", "known", "anomaly"
"""Kinds of images: nothing is pasted; objects of known classes are, labelled IN; cut-outs are, labelled OOD."""

_GOLDEN = 0.6180339887498949  # its multiples spread evenly over the unit interval, however many there are


@dataclass(frozen=True)
class Recipe:
    """The numbers; an image depends on them, on its own number, on the backgrounds and on the cut-outs alone.

    Attributes:
        seed: at least 0.
        empty: share of the images in which nothing is pasted.
        known: share of the images in which only objects of known classes are pasted, cut from other images of the
            closed set and treated like the anomalies: so that being pasted is no sign of an anomaly.
        most: objects an image; 1 to ``most`` are tried.
        metres: shortest and longest an object's longer side is imagined to be; drawn evenly in the logarithm,
            unless the cut-out brings its own.
        camera: height of the camera over the ground in metres, which ties metres to pixels.
        horizon: where the ground plane vanishes, as a share of the image's height from the top; ``None`` takes the
            uppermost ground of each image's labels.
        colour: how far an object's colours go to those around it: 0 not at all, 1 to equal mean and deviation.
        blur: how much of the blur that would make an object no sharper than what is around it: 0 none, 1 all.
        blend: one of ``BLENDS``.
        feather: softness of an object's edge, a Gaussian's sigma in pixels.
        shrink: pixels, of the cut-out's own, that are taken off its edge before all else.
        smallest: fewest pixels of an object.
        largest: largest share of the image that an object covers.
        enlarge: how many times larger than it is a cut-out may become.

    Raises:
        InputError: a number that makes no sense, or an unknown blend.
    """

    seed: int = 0
    empty: float = 0.1
    known: float = 0.2
    most: int = 2
    metres: tuple[float, float] = (0.5, 2.0)
    camera: float = 1.4
    horizon: float | None = None
    colour: float = 0.5
    blur: float = 1.0
    blend: str = "alpha"
    feather: float = 0.7
    shrink: int = 1
    smallest: int = 150
    largest: float = 0.15
    enlarge: float = 1.25

    def __post_init__(self) -> None:
        limits: Mapping[str, tuple[float, float]] = {
            "seed": (0, 2**63 - 1),
            "empty": (0, 1),
            "known": (0, 1),
            "most": (1, 100),
            "camera": (0.01, 1000),
            "colour": (0, 1),
            "blur": (0, 1),
            "feather": (0, 20),
            "shrink": (0, 50),
            "smallest": (1, 10**9),
            "largest": (1e-6, 1),
            "enlarge": (0.01, 100),
        }
        for name, (low, high) in limits.items():
            if not low <= getattr(self, name) <= high:
                raise InputError(f"synth: {name} is {getattr(self, name)}; wanted {low} to {high}")
        if self.empty + self.known > 1:
            raise InputError(f"synth: empty {self.empty} and known {self.known} are shares of all images, at most 1")
        if not 0 < self.metres[0] <= self.metres[1] < math.inf:
            raise InputError(
                f"synth: metres {self.metres[0]} to {self.metres[1]}; wanted finite and above 0, the smaller first"
            )
        if self.horizon is not None and not -1 <= self.horizon < 1:
            raise InputError(f"synth: horizon {self.horizon}; wanted a share of the height, below 1 (-1 is far above)")
        if self.blend not in BLENDS:
            raise unknown_name("blend", self.blend, BLENDS)

    def kind(self, number: int) -> str:
        """What is pasted in image ``number``; of the first N images each kind has its share, give or take two."""
        place = (number + 0.5) * _GOLDEN % 1
        return EMPTY if place < self.empty else KNOWN if place < self.empty + self.known else ANOMALY

    def record(self) -> dict[str, Any]:
        """As it is written beside the images."""
        return asdict(self) | {"metres": list(self.metres)}
