"""Video files: frames out of one, frames into one."""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# ffmpeg would write to the terminal what we say in one line; it reads this when it is first used.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

import cv2
import numpy as np
from numpy.typing import NDArray

from gmmbench.atomic import complaining_of
from gmmbench.errors import InputError

USUAL_FPS = 25.0
"""Of a video that does not say."""

CODEC = "mp4v"
"""MPEG-4 part 2: what every build of OpenCV can write."""


@dataclass(frozen=True)
class Video:
    """A video file with at least one frame.

    Attributes:
        name: begins the names of what is written for it.
        fps: frames per second.
        count: of frames, as its header says, or counted where it does not. A damaged video may hold fewer.
    """

    name: str
    path: Path
    fps: float
    count: int

    @classmethod
    def opened(cls, name: str, path: Path) -> Video:
        """Read the header and the first frame. Raises InputError where either is not there."""
        with _capturing(path) as capture:
            fps, count = float(capture.get(cv2.CAP_PROP_FPS)), capture.get(cv2.CAP_PROP_FRAME_COUNT)
            if not capture.grab():
                raise InputError(f"{path} has no frames that can be read; copy it again, or convert it to .mp4")
            if not (math.isfinite(count) and count > 0):
                count = 1
                while capture.grab():
                    count += 1
        return cls(name, path, fps if 0 < fps < 1000 else USUAL_FPS, int(count))

    def frames(self, wanted: Collection[int] | None = None) -> Iterator[NDArray[np.uint8]]:
        """(H, W, 3) uint8 RGB one after the other, upright; of those not ``wanted`` (from 0) nothing is unpacked."""
        last = None if wanted is None else max(wanted, default=-1)
        with _capturing(self.path) as capture:
            number = 0
            while (last is None or number <= last) and capture.grab():
                if wanted is None or number in wanted:
                    there, frame = capture.retrieve()
                    if not there:
                        return
                    yield cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
                number += 1


@contextmanager
def written_video(path: Path, fps: float) -> Iterator[Callable[[NDArray[np.uint8]], None]]:
    """Gives the function that adds an (H, W, 3) uint8 RGB frame, all of one even size; ``path`` appears at the end.

    Until then the frames lie in a hidden folder beside it, which an error or Ctrl-C removes.

    Raises:
        InputError: the folder cannot be written, frames are too large to encode, or not all of them arrived, which
            is how OpenCV shows a full disk.
    """
    writer, number = None, 0
    with complaining_of(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    with complaining_of(path), tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.stem[:100]}.") as folder:
        part = Path(folder, "part.mp4")

        def add(frame: NDArray[np.uint8]) -> None:
            nonlocal writer, number
            if writer is None:
                writer = _writer(part, fps, frame.shape[1], frame.shape[0])
            writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
            number += 1

        try:
            yield add
        finally:
            if writer is not None:
                writer.release()
        arrived = _frames_in(part)
        if arrived != number:
            raise InputError(
                f"cannot write {path}: {arrived} of {number} frames arrived; free space or name another folder with"
                " --out"
            )
        os.replace(part, path)


def _writer(part: Path, fps: float, width: int, height: int) -> Any:
    with _silent():
        writer = cv2.VideoWriter(str(part), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*CODEC), fps, (width, height))
    if not writer.isOpened():
        raise InputError(
            f"OpenCV cannot write an {CODEC} video of {width}x{height} pixels to {part.parent.parent}; see that there"
            " is space, and that opencv-python comes from PyPI"
        )
    return writer


def _frames_in(part: Path) -> int:
    """How many frames a file holds by its header, which is written last; 0 where it has none."""
    with _silent():
        capture = cv2.VideoCapture(str(part), cv2.CAP_FFMPEG)
        try:
            return max(int(capture.get(cv2.CAP_PROP_FRAME_COUNT)), 0) if capture.isOpened() else 0
        finally:
            capture.release()


@contextmanager
def _capturing(path: Path) -> Iterator[Any]:
    if not path.is_file():
        raise InputError(f"no video at {path}")
    with _silent():
        # An absolute path: ffmpeg reads what stands before a colon as a protocol.
        capture = cv2.VideoCapture(os.path.abspath(path), cv2.CAP_FFMPEG)
    try:
        if not capture.isOpened():
            raise InputError(
                f"{path} cannot be read as a video, or has no frames; copy it again, or convert it to .mp4"
            )
        yield capture
    finally:
        capture.release()


@contextmanager
def _silent() -> Iterator[None]:
    """OpenCV's own log off: every failure is an InputError of ours."""
    before = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(before)
