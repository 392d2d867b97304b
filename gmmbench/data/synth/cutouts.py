"""Objects cut from other pictures."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gmmbench.data.pairs import UNREADABLE, read_image, read_labels
from gmmbench.errors import InputError

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
METRES = "metres.json"


@dataclass(frozen=True)
class Cutout:
    """An object, cropped to where it shows.

    Attributes:
        name: of its file, without the ending.
        colours: (H, W, 3) uint8, RGB; meaningless where ``alpha`` is 0.
        alpha: (H, W) float32, 0 to 1, how much of a pixel is the object's.
        metres: how long its longer side is, where known.
        sha256: hex, of its file, or of image and mask one after the other.
    """

    name: str
    colours: NDArray[np.uint8]
    alpha: NDArray[np.float32]
    metres: float | None = None
    sha256: str = ""


def load_cutouts(folder: Path) -> list[Cutout]:
    """The cut-outs of a folder, in order of their names.

    Either kind, or both: pictures with an alpha channel in the folder itself; or ``images/NAME.*`` and
    ``masks/NAME.png``, one 8-bit channel, where every value but 0 is the object. ``metres.json`` may say how long
    the longer sides of some are: ``{"NAME": 1.6}``.

    Raises:
        InputError: no such folder or nothing in it; a picture without alpha; an image without mask or the other way
            round, or of another size; a cut-out that is empty or fills its picture; a name twice; names or lengths
            in ``metres.json`` that make no sense.
    """
    if not folder.is_dir():
        raise InputError(f"no folder {folder}; --cutouts wants one of RGBA pictures, or with images/ and masks/")
    found = [_transparent(file) for file in pictures(folder)]
    found += [_masked(image, mask) for image, mask in _pairs(folder)]
    if not found:
        raise InputError(f"no cut-outs in {folder}; wanted RGBA pictures, or the folders images/ and masks/")
    found.sort(key=lambda cutout: cutout.name)
    for one, following in pairwise(found):
        if one.name == following.name:
            raise InputError(f"two cut-outs in {folder} are called '{one.name}'; rename one")
    metres = _metres(folder / METRES, {cutout.name for cutout in found})
    return [Cutout(one.name, one.colours, one.alpha, metres.get(one.name), one.sha256) for one in found]


def crop(name: str, colours: NDArray[np.uint8], alpha: NDArray[np.float32], sha256: str = "") -> Cutout:
    """A cut-out without the empty rows and columns around it.

    Raises:
        InputError: no pixel is at least half the object's.
    """
    if not (alpha >= 0.5).any():
        raise InputError(f"cut-out {name} is empty: no pixel is at least half opaque; mend its alpha or mask")
    rows, columns = np.flatnonzero(alpha.any(axis=1)), np.flatnonzero(alpha.any(axis=0))
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return Cutout(Path(name).stem, colours[box].copy(), alpha[box].copy(), None, sha256)


def pictures(folder: Path) -> list[Path]:
    """The files of ``PICTURES`` directly in a folder, in order; none where it is none. Hidden ones are passed over."""
    if not folder.is_dir():
        return []
    files = sorted(folder.iterdir())
    return [file for file in files if file.suffix.lower() in PICTURES and not file.name.startswith(".")]


def _transparent(file: Path) -> Cutout:
    try:
        with Image.open(file) as image:
            if "A" not in image.getbands() and "transparency" not in image.info:
                raise InputError(f"{file} has no alpha channel ({image.mode}); wanted RGBA, or images/ and masks/")
            pixels = np.asarray(image.convert("RGBA"))
    except InputError:
        raise
    except UNREADABLE as error:
        raise InputError(f"{file} cannot be read as an image ({error}); copy it again") from error
    alpha = pixels[..., 3].astype(np.float32) / np.float32(255)
    return _whole(file, pixels[..., :3], alpha, hashlib.sha256(file.read_bytes()).hexdigest())


def _pairs(folder: Path) -> list[tuple[Path, Path]]:
    images, masks = _by_name(folder / "images"), _by_name(folder / "masks")
    single = sorted(images.keys() ^ masks.keys())
    if single:
        raise InputError(
            f"{folder}: '{single[0]}' is in only one of images/ and masks/ ({len(single)} such); add the other"
        )
    return [(images[name], masks[name]) for name in sorted(images)]


def _by_name(folder: Path) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for file in pictures(folder):
        if file.stem in files:
            raise InputError(f"{files[file.stem]} and {file} are two pictures of one name; keep one")
        files[file.stem] = file
    return files


def _masked(image: Path, mask: Path) -> Cutout:
    colours, alpha = read_image(image), (read_labels(mask) > 0).astype(np.float32)
    if colours.shape[:2] != alpha.shape:
        raise InputError(
            f"{mask} is {alpha.shape[1]}x{alpha.shape[0]} pixels but its image {image.name} is"
            f" {colours.shape[1]}x{colours.shape[0]}; wanted equal sizes"
        )
    return _whole(image, colours, alpha, hashlib.sha256(image.read_bytes() + mask.read_bytes()).hexdigest())


def _whole(file: Path, colours: NDArray[np.uint8], alpha: NDArray[np.float32], sha256: str) -> Cutout:
    if (alpha >= 0.5).all():
        raise InputError(f"cut-out {file} fills its whole picture; wanted an object with transparency around it")
    return crop(str(file), colours, alpha, sha256)


def _metres(file: Path, names: set[str]) -> dict[str, float]:
    if not file.is_file():
        return {}
    try:
        metres = {str(name): float(length) for name, length in json.loads(file.read_text(encoding="utf-8")).items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise InputError(f"{file} is no JSON object of names and lengths ({error})") from error
    for name, length in metres.items():
        if name not in names or not 0 < length < float("inf"):
            raise InputError(f"{file}: '{name}': {length}; wanted the name of a cut-out and its longer side in metres")
    return metres
