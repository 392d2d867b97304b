"""What a label value means in street, and the colour that shows it."""

from __future__ import annotations

from types import MappingProxyType

CLASSES: tuple[str, ...] = ("sky", "building", "road", "marking", "sidewalk", "vegetation", "car", "person")
"""The closed set; a class's position is its label value. Lamp posts and signs belong to none: they are void."""

SKY, BUILDING, ROAD, MARKING, SIDEWALK, VEGETATION, CAR, PERSON = range(len(CLASSES))

OOD_LABEL: int = len(CLASSES)
"""The label value of an anomaly: the next free one. Only the ``test_ood`` maps hold it."""

PALETTE: tuple[tuple[int, int, int], ...] = (
    (128, 178, 226),
    (122, 82, 76),
    (92, 84, 104),
    (244, 240, 214),
    (196, 138, 176),
    (84, 140, 62),
    (44, 72, 190),
    (222, 62, 70),
)
"""RGB, 0 to 255, one per class, for pictures."""

DEFAULT_COUNTS = MappingProxyType({"train": 240, "val": 40, "test": 60, "test_ood": 60})
"""Images per split: enough to train a small network on two CPU cores, and written in seconds."""
