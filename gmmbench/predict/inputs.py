"""Which images and videos a list of paths means."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gmmbench.errors import InputError
from gmmbench.predict.still import Still
from gmmbench.predict.video import Video

IMAGE_SUFFIXES = (".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
VIDEO_SUFFIXES = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm")


@dataclass(frozen=True)
class Inputs:
    """What is to be predicted, each once, in the order given; names are unique within a field."""

    stills: tuple[Still, ...]
    videos: tuple[Video, ...]

    def example(self) -> NDArray[np.uint8]:
        """(H, W, 3) uint8 RGB, the first image or frame."""
        return self.stills[0].read() if self.stills else next(self.videos[0].frames())


def inputs_of(paths: Sequence[Path]) -> Inputs:
    """The images and videos of a command line; videos are opened and their first frame is read.

    A folder means the images in it, by name; what else lies there, and the folders in it, are passed over, as are
    names that begin with a dot. A file that is named twice counts once.

    Raises:
        InputError: nothing named, a path that is not there or is neither image nor video by its suffix, a folder
            without images, a video that cannot be read, or two files of one name, which would write one picture.
    """
    if not paths:
        raise InputError("no image named; wanted image files, video files, or folders of images")
    files: dict[str, Path] = {}
    for path in paths:
        for file in _files(path):
            files.setdefault(os.path.abspath(file), file)
    stills = [file for file in files.values() if file.suffix.lower() in IMAGE_SUFFIXES]
    videos = [file for file in files.values() if file.suffix.lower() in VIDEO_SUFFIXES]
    for kind in (stills, videos):
        _refuse_one_name(kind)
    return Inputs(
        tuple(Still(name_of(path), path) for path in stills),
        tuple(Video.opened(name_of(path), path) for path in videos),
    )


def name_of(path: Path) -> str:
    """What the pictures of a file are called: its name without the suffix, and without leading dots, which hide."""
    return path.stem.lstrip(".") or "unnamed"


def _files(path: Path) -> Iterator[Path]:
    """The files that one path means."""
    if path.is_dir():
        yield from _images_in(path)
    elif not path.exists():
        raise InputError(f"no file or folder {path}; wanted image files, video files, or folders of images")
    elif path.suffix.lower() in IMAGE_SUFFIXES + VIDEO_SUFFIXES:
        yield path
    else:
        raise InputError(
            f"{path} is neither an image nor a video by its name; wanted one of {' '.join(IMAGE_SUFFIXES)}, or"
            f" {' '.join(VIDEO_SUFFIXES)}"
        )


def _images_in(folder: Path) -> list[Path]:
    try:
        there = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise InputError(f"{folder} cannot be read ({error.strerror})") from error
    images = [path for path in there if path.suffix.lower() in IMAGE_SUFFIXES and not path.is_dir()]
    if images:
        return images
    videos = sum(path.suffix.lower() in VIDEO_SUFFIXES for path in there)
    hint = "; the folders in it are not searched, name them" if any(path.is_dir() for path in there) else ""
    hint = f"; name its {videos} videos themselves" if videos else hint
    raise InputError(f"no image in {folder}; wanted files that end in {' '.join(IMAGE_SUFFIXES)}{hint}")


def _refuse_one_name(files: Sequence[Path]) -> None:
    """Two files of one name would write one picture."""
    first: dict[str, Path] = {}
    for path in files:
        other = first.setdefault(name_of(path), path)
        if other != path:
            raise InputError(
                f"{other} and {path} have one name, '{name_of(path)}', and would write the same files; predict them"
                " one after the other, each with its own --out"
            )
