"""``gmmbench data ls``: which data sets are there, by their file names alone; no image is opened."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gmmbench.data.cards import card
from gmmbench.data.check import complete_pairs, expected_images, part_loaders, survey
from gmmbench.data.faults import UncountedError
from gmmbench.data.registry import CLOSED_SETS, DATASETS, UNLABELLED


@dataclass(frozen=True)
class Presence:
    """How much of a data set is there.

    Attributes:
        use: "closed set", "OOD", or "OOD, no labels" (scored and exported, never evaluated).
        found: images of each part, ``None`` where its folders or lists are not there.
        expected: the same by the card, ``None`` where it does not say.
        state: "ready", "incomplete", "unchecked" (which images it has is known only once ``check`` has read
            them), "absent", "gated" (absent, and only to be had by hand) or "needs X" (what it is made from is
            not there).
        source: where it comes from: the first address of the card's source, or its words.
    """

    name: str
    use: str
    found: tuple[int | None, ...]
    expected: tuple[int | None, ...]
    state: str
    source: str
    title: str


def present(root: Path) -> list[Presence]:
    """One entry a registered data set, closed sets first."""
    return [look(name, root) for name in (*CLOSED_SETS, *DATASETS, *UNLABELLED)]


def look(name: str, root: Path, *, opening: bool = False) -> Presence:
    """How much of one data set is under ``root``, which need not be there.

    Args:
        opening: whether label maps may be opened where only they say which images the set has.

    Raises:
        InputError: an unknown name.
    """
    about = card(name)
    found: list[int | None] = []
    expected: list[int | None] = []
    faultless = True
    for _, split, load in part_loaders(name, root):
        expected.append(expected_images(about, split, root))
        try:
            images, faults = survey(load, opening=opening) if root.is_dir() else (None, [])
        except UncountedError:
            return _presence(about, (None,), tuple(expected), "unchecked")
        # What has no list cannot be evaluated, whatever lies there.
        usable = images is not None and not any(fault.kind in ("layout", "bad list") for fault in faults)
        found.append(complete_pairs(images) or None if usable else None)
        faultless = faultless and usable and not faults
    complete = all(want in (None, number) for number, want in zip(found, expected, strict=True))
    state = _state(about, root, any(found), faultless and complete)
    return _presence(about, tuple(found), tuple(expected), state)


def _presence(
    about: Mapping[str, Any], found: tuple[int | None, ...], expected: tuple[int | None, ...], state: str
) -> Presence:
    name = about["name"]
    use = "closed set" if name in CLOSED_SETS else "OOD, no labels" if name in UNLABELLED else "OOD"
    return Presence(about["name"], use, found, expected, state, _source(about), str(about["title"]))


def missing_needs(about: Mapping[str, Any], root: Path) -> list[str]:
    """Of the data sets that this one is made from, those that are not there.

    The card's ``needs`` has their names, each with a folder under the root that must be there.
    """
    return [str(name) for name, folder in (about.get("needs") or {}).items() if not (root / str(folder)).is_dir()]


def _state(about: Mapping[str, Any], root: Path, anything: bool, complete: bool) -> str:
    if complete:
        return "ready"
    missing = missing_needs(about, root)
    if missing:
        return f"needs {', '.join(missing)}"
    if anything:
        return "incomplete"
    return "gated" if about.get("gated") else "absent"


def _source(about: Mapping[str, Any]) -> str:
    address = re.search(r"https?://([^\s,;)\"]+)", str(about["source"]))
    return address[1].rstrip("./") if address else str(about["source"])
