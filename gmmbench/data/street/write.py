"""Street on disk, in the layout in which the SegNet tutorial publishes CamVid."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from gmmbench.data.street.classes import DEFAULT_COUNTS
from gmmbench.data.street.scene import check, render
from gmmbench.errors import InputError, unknown_name

VERSION = 1
"""Of the generator: raise it with every change that alters a picture or a label."""

FOLDER = "Street"
RECORD = "street.json"
_PLAIN_EVERY = 6  # every sixth image of test_ood has no anomaly


def write_street(
    root: Path,
    *,
    seed: int = 0,
    size: tuple[int, int] = (120, 160),
    counts: Mapping[str, int] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write the street data set under ``root``, or find it there.

    An image depends on ``seed``, ``size``, its split and its index, and on nothing else: asking
    for more images changes none of the first ones. All is written into a temporary folder next
    to the target and renamed at the end, so an interrupted run leaves no half-written data set.

    Args:
        root: the folder that will hold ``Street``; made if need be.
        seed: at least 0.
        size: height and width of every image in pixels.
        counts: images per split; a split that is not named gets its count of ``DEFAULT_COUNTS``.
        progress: called after each image with the number written and the number in all.

    Returns:
        ``root / "Street"``: RGB images in ``SPLIT/NAME.png``, label maps in
        ``SPLITannot/NAME.png`` (8 bits, one channel), and the pairs in ``SPLIT.txt``.

    Raises:
        InputError: something else is there already, a split is unknown, or a number makes no sense.
    """
    asked = _record(seed, size, counts)
    target = Path(root) / FOLDER
    if target.exists():
        _check_same(target, asked)
        return target
    Path(root).mkdir(parents=True, exist_ok=True)
    total, done = sum(asked["counts"].values()), 0
    with tempfile.TemporaryDirectory(prefix=f".{FOLDER}-", dir=root) as temporary:
        draft = Path(temporary) / FOLDER
        for number, (split, count) in enumerate(asked["counts"].items()):
            for folder in (split, f"{split}annot"):
                (draft / folder).mkdir(parents=True)
            lines = []
            for index in range(count):
                name = f"{split}_{index:05d}.png"
                anomaly = split == "test_ood" and index % _PLAIN_EVERY != _PLAIN_EVERY - 1
                image, labels = render(_image_seed(seed, number, index), size, anomaly)
                _save(draft / split / name, image[..., ::-1])
                _save(draft / f"{split}annot" / name, labels)
                lines.append(f"{split}/{name} {split}annot/{name}\n")
                done += 1
                if progress is not None:
                    progress(done, total)
            (draft / f"{split}.txt").write_text("".join(lines), encoding="utf-8")
        (draft / RECORD).write_text(json.dumps(asked, indent=2) + "\n", encoding="utf-8")
        os.rename(draft, target)
    return target


def _record(seed: int, size: tuple[int, int], counts: Mapping[str, int] | None) -> dict[str, Any]:
    """The parameters as they are stored beside the data; refuses those that make no sense."""
    for split, count in (counts or {}).items():
        if split not in DEFAULT_COUNTS:
            raise unknown_name("split of street", split, DEFAULT_COUNTS)
        if count < 0:
            raise InputError(f"street: {count} images for {split}; give 0 or more")
    check(seed, size)
    # The order of the splits is part of an image's seed: take it from the default, not from the caller.
    full = {split: int((counts or {}).get(split, default)) for split, default in DEFAULT_COUNTS.items()}
    numbers = [int(n) for n in size]
    return {"generator": "street", "version": VERSION, "seed": int(seed), "size": numbers, "counts": full}


def _check_same(target: Path, asked: dict[str, Any]) -> None:
    record = target / RECORD
    advice = "delete it or choose another root"
    if not record.is_file():
        raise InputError(f"{target} exists but has no {RECORD}, so street did not write it; {advice}")
    try:
        there = json.loads(record.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise InputError(f"{record} is not JSON ({error}); {advice}") from error
    if there != asked:
        raise InputError(f"{target} holds street with {_say(there)}; asked for {_say(asked)}; {advice}")


def _say(record: dict[str, Any]) -> str:
    """The parameters in a few words."""
    return ", ".join(f"{key} {record.get(key)}" for key in ("version", "seed", "size", "counts"))


def _image_seed(seed: int, split: int, index: int) -> int:
    return int(np.random.SeedSequence([seed, split, index]).generate_state(1, np.uint64)[0])


def _save(path: Path, pixels: NDArray[np.uint8]) -> None:
    encoded, data = cv2.imencode(".png", np.ascontiguousarray(pixels))
    if not encoded:
        raise OSError(f"{path}: OpenCV could not encode {pixels.shape} as PNG")
    path.write_bytes(data.tobytes())
