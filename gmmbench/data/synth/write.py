"""A synthetic set on disk, and from there."""

from __future__ import annotations

import json
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from gmmbench.atomic import complaining_of
from gmmbench.data.folders import matching_pairs
from gmmbench.data.pairs import PairedSet
from gmmbench.data.synth.backgrounds import Backgrounds
from gmmbench.data.synth.composing import compose
from gmmbench.data.synth.cutouts import Cutout
from gmmbench.data.synth.recipe import Recipe
from gmmbench.errors import InputError
from gmmbench.labels import IGNORE, IN, OOD

VERSION = 1
"""Of the generator: raise it with every change that alters a picture or a label."""

RECORD = "synth.json"


@dataclass(frozen=True)
class Written:
    """What is on disk now.

    Attributes:
        kinds: images of each kind.
        skipped: why, for each image that was not made, with its number and background.
        new: False where the same set was there already.
    """

    folder: Path
    kinds: dict[str, int]
    skipped: tuple[str, ...]
    new: bool


def write_synth(
    target: Path,
    backgrounds: Backgrounds,
    cutouts: Sequence[Cutout],
    recipe: Recipe,
    *,
    count: int | None = None,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Written:
    """Write a synthetic OOD set, or find it there.

    ``TARGET/images/NAME.png`` (RGB), ``TARGET/masks/NAME.png`` (0 IN, 1 OOD, 255 IGNORE) and ``synth.json``: the
    recipe, hashes of cut-outs and backgrounds, and of each image its background and each object's place. Made in
    a temporary folder beside it and renamed at the end, so an interrupted run leaves nothing. Equal arguments
    make equal bytes, with any number of workers; asking for more images changes none of the first ones.

    Args:
        count: images; as many as backgrounds, if not given. One that finds no place for its objects is left
            out and told of.
        workers: threads.
        progress: called after each image with the number done and the number in all.

    Raises:
        InputError: something else is there already, nothing to paste, no image could be made, a file that cannot be
            read, or a disk that is full.
    """
    total = len(backgrounds.names) if count is None else count
    asked = _asked(backgrounds, cutouts, recipe, total)
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        return _there(target, asked)
    with complaining_of(target, ""):
        target.parent.mkdir(parents=True, exist_ok=True)
        place = target if target.is_dir() else target.parent
        with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=place) as temporary:
            draft = Path(temporary) / "set"
            for kind in ("images", "masks"):
                (draft / kind).mkdir(parents=True)
            entries = []
            with ThreadPoolExecutor(workers) as pool:

                def make(number: int) -> dict[str, Any]:
                    return _make(number, draft, recipe, backgrounds, cutouts)

                try:
                    for entry in pool.map(make, range(total)):
                        entries.append(entry)
                        if progress is not None:
                            progress(len(entries), total)
                except BaseException:
                    pool.shutdown(cancel_futures=True)
                    raise
            images = [entry for entry in entries if "name" in entry]
            skipped = [entry for entry in entries if "name" not in entry]
            if not images:
                raise InputError(f"synth: no image could be made; the first: {_why(skipped[0])}")
            _save_record(draft / RECORD, asked, images, skipped)
            if (target / RECORD).exists():  # another command was faster
                return _there(target, asked)
            _publish(draft, target)
    return _written(target, images, skipped, new=True)


def synth(folder: Path) -> PairedSet:
    """A synthetic set as an OOD set. Raises InputError where the folder is none."""
    if not (folder / RECORD).is_file():
        raise InputError(f"no {folder / RECORD}; wanted a folder that 'gmmbench data synth' wrote")
    meaning = {IN: IN, OOD: OOD, IGNORE: IGNORE}
    return PairedSet(
        f"synth {folder.name}", matching_pairs(folder / "images", folder / "masks", ".png", ".png"), meaning
    )


def _make(
    number: int, draft: Path, recipe: Recipe, backgrounds: Backgrounds, cutouts: Sequence[Cutout]
) -> dict[str, Any]:
    """Compose and save one image; its entry in the record, without a name where it could not be made."""
    made = compose(number, recipe, backgrounds, cutouts)
    entry: dict[str, Any] = {"number": number, "background": made.background, "kind": made.kind}
    if made.missing:
        return entry | {"why": made.missing}
    name = f"{number:05d}_{PurePath(made.background).name}"
    _save(draft / "images" / f"{name}.png", np.ascontiguousarray(made.image[..., ::-1]))
    _save(draft / "masks" / f"{name}.png", made.labels)
    return entry | {"name": name, "objects": list(made.objects)}


def _asked(backgrounds: Backgrounds, cutouts: Sequence[Cutout], recipe: Recipe, total: int) -> dict[str, Any]:
    """What decides the set, as it is stored beside it; refuses what cannot be made."""
    if total < 1:
        raise InputError(f"synth: {total} images; give 1 or more")
    if recipe.known > 0 and not backgrounds.things:
        raise InputError(
            f"synth: a share of {recipe.known} of the images is to get known objects, but no class to cut them from"
            " is known; name some with --things, or give --known 0"
        )
    if not cutouts and recipe.empty + recipe.known < 1:
        raise InputError("synth: no cut-outs to paste; name a folder of them")
    return {
        "generator": "synth",
        "version": VERSION,
        "count": total,
        "recipe": recipe.record(),
        "backgrounds": backgrounds.record(),
        "cutouts": {cutout.name: {"sha256": cutout.sha256, "metres": cutout.metres} for cutout in cutouts},
    }


def _save_record(
    file: Path, asked: dict[str, Any], images: list[dict[str, Any]], skipped: list[dict[str, Any]]
) -> None:
    content = asked | {"images": images, "skipped": skipped}
    file.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _publish(draft: Path, target: Path) -> None:
    """Rename ``draft``; an empty folder stays itself and gets its content, for a person may stand in it."""
    if not target.is_dir():
        os.rename(draft, target)
        return
    for name in ("images", "masks", RECORD):
        os.rename(draft / name, target / name)


def _there(target: Path, asked: dict[str, Any]) -> Written:
    """The set that is there, if it is the one that was asked for."""
    record, advice = target / RECORD, "delete it or choose another folder"
    if not record.is_file():
        raise InputError(f"{target} exists but has no {RECORD}, so synth did not write it; {advice}")
    try:
        there = json.loads(record.read_text(encoding="utf-8"))
        images, skipped = list(there["images"]), list(there["skipped"])
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{record} is no record of synth ({error!r}); {advice}") from error
    other = [key for key, value in asked.items() if there.get(key) != value]
    if other:
        raise InputError(f"{target} holds a synthetic set with other {', '.join(other)} than asked for; {advice}")
    files = [target / kind / f"{entry['name']}.png" for entry in images for kind in ("images", "masks")]
    lost = [file for file in files if not file.is_file()]
    if lost:
        raise InputError(f"{target} has lost {len(lost)} of its {len(files)} files, first {lost[0]}; {advice}")
    return _written(target, images, skipped, new=False)


def _written(target: Path, images: list[dict[str, Any]], skipped: list[dict[str, Any]], *, new: bool) -> Written:
    kinds = Counter(str(entry["kind"]) for entry in images)
    return Written(target, dict(kinds), tuple(_why(entry) for entry in skipped), new)


def _why(entry: dict[str, Any]) -> str:
    return f"image {entry['number']} on {entry['background']}: {entry['why']}"


def _save(path: Path, pixels: NDArray[np.uint8]) -> None:
    encoded, data = cv2.imencode(".png", pixels)
    if not encoded:
        raise OSError(f"{path}: OpenCV could not encode {pixels.shape} as PNG")
    path.write_bytes(data.tobytes())
