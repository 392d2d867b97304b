"""One image file, made RGB."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from gmmbench.data.pairs import UNREADABLE
from gmmbench.errors import InputError

_SIXTEEN_BITS = ("PNG", "PPM")
"""Formats that have no wider pixels: where Pillow calls them "I", they are brought to 0 to 65535."""


@dataclass(frozen=True)
class Still:
    """An image file. ``name`` begins the names of what is written for it."""

    name: str
    path: Path

    def read(self) -> NDArray[np.uint8]:
        """(H, W, 3) uint8 RGB, upright.

        Unlike the images of a data set, whose labels fix how they lie, a photo is turned as its EXIF orientation
        says: a model that learnt streets from upright images would see nothing but anomalies in one on its side.
        Grey becomes three equal channels and transparency is dropped. Of 16 bits a channel the upper 8 are kept,
        65535 being white, as PNG has it.

        Raises:
            InputError: a missing, truncated or unknown file, or pixels of 32 bits, whose white nobody knows.
        """
        try:
            with Image.open(self.path) as image:  # closes the file of a damaged image too
                image.load()
                upright, form = ImageOps.exif_transpose(image), image.format
        except FileNotFoundError as error:
            raise InputError(f"no image at {self.path}") from error
        except UNREADABLE as error:
            raise InputError(
                f"{self.path} cannot be read as an image ({error}); it may be truncated: copy it again or leave it out"
            ) from error
        if upright.mode.startswith("I;16") or (upright.mode == "I" and form in _SIXTEEN_BITS):
            grey = (np.asarray(upright) >> 8).astype(np.uint8)
            return np.ascontiguousarray(np.broadcast_to(grey[..., None], (*grey.shape, 3)))
        if upright.mode in ("I", "F"):
            raise InputError(
                f"{self.path} has pixel format {upright.mode}, 32 bits a pixel; wanted 8 or 16 bits a channel: convert"
                " it, with its own range"
            )
        if upright.mode == "P":
            upright = upright.convert("RGBA")  # a palette with transparency knows only this way without a warning
        return np.asarray(upright.convert("RGB"))
