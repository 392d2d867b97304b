"""The few images of a data set that run folders keep whole, with the maps that a report shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from gmmbench.report.choose import Choice

Arrays = dict[str, NDArray[Any]]
Name = tuple[str, int]
"""Of an image, and which of that name: names lose letters when they become file names."""


@dataclass(frozen=True)
class Stored:
    """Images that every model shown has, with all maps wanted.

    Attributes:
        names: in order.
        pictures: of each model's label and image the arrays, see ``RunFolder.pictures``; of several seeds the first's.
        notes: on each image that is left out.
    """

    names: tuple[Name, ...]
    pictures: dict[str, dict[Name, Arrays]]
    notes: tuple[str, ...]

    def of(self, row: Choice, key: str) -> list[NDArray[Any]]:
        """One array of each image, as the row's model has it."""
        return [self.pictures[row.model.label][name][key] for name in self.names]

    def has(self, row: Choice, key: str) -> bool:
        """Whether every image has this array."""
        return all(key in self.pictures[row.model.label][name] for name in self.names)


def stored(rows: Sequence[Choice]) -> Stored:
    """The images of the rows' data set. Raises InputError where a stored picture is damaged."""
    wanted: dict[str, list[Choice]] = {}
    for row in rows:
        wanted.setdefault(row.model.label, []).append(row)
    pictures = {label: _pictures(mine) for label, mine in wanted.items()}
    names, notes = [], []
    for name in dict.fromkeys(name for mine in pictures.values() for name in mine):
        lacking = [f"no picture of {label}" for label, mine in pictures.items() if name not in mine]
        lacking += [
            f"no map of {row.label}"
            for row in rows
            if name in pictures[row.model.label] and map_key(row) not in pictures[row.model.label][name]
        ]
        if not lacking and len({mine[name]["image"].shape for mine in pictures.values()}) > 1:
            lacking.append("the models saw it at different sizes")
        if lacking:
            notes.append(f"Image {name[0]} is left out: {', '.join(lacking)}.")
        else:
            names.append(name)
    if not names and not notes:
        notes.append("No pictures were stored.")
    return Stored(tuple(names), pictures, tuple(notes))


def map_key(row: Choice) -> str:
    """Of a row's score map among a picture's arrays."""
    return f"score/{row.score}"


def _pictures(rows: Sequence[Choice]) -> dict[Name, Arrays]:
    """Of one model: what is shown of each picture, so that twenty other maps of it are not held."""
    kept = {"image", "labels", "prediction", *map(map_key, rows)}
    found: dict[Name, Arrays] = {}
    for name, arrays in rows[0].model.runs[0].folder.pictures(rows[0].dataset):
        number = sum(1 for other, _ in found if other == name)
        found[name, number] = {key: array for key, array in arrays.items() if key in kept}
    return found
