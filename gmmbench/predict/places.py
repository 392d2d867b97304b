"""Where a run's files go."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gmmbench.errors import InputError
from gmmbench.predict.inputs import Inputs
from gmmbench.predict.still import Still
from gmmbench.predict.video import Video


@dataclass(frozen=True)
class Places:
    """The files that a run writes, all below ``folder``; raw scores only ``with_maps``."""

    folder: Path
    with_maps: bool = False

    def segmentation(self, still: Still) -> Path:
        """Of an image, PNG."""
        return self.folder / f"{still.name}_segmentation.png"

    def anomaly(self, still: Still) -> Path:
        """Of an image, PNG."""
        return self.folder / f"{still.name}_anomaly.png"

    def overlay(self, video: Video) -> Path:
        """Of a video, MP4."""
        return self.folder / f"{video.name}_overlay.mp4"

    @property
    def maps(self) -> Path:
        """The folder of raw scores."""
        return self.folder / "maps"

    def check(self, paths: Sequence[Path], inputs: Inputs) -> None:
        """See that the folder can be one, and is not where the images come from.

        Raises:
            InputError: a file is in its way, or what is read would be overwritten or read as an image next time.
        """
        there = next(place for place in (self.folder, *self.folder.absolute().parents) if place.exists())
        if not there.is_dir():
            raise InputError(f"--out {self.folder}: {there} is a file; name a folder")
        for path in paths:
            if path.is_dir() and path.resolve() == self.folder.resolve():
                raise InputError(
                    f"--out {self.folder} is the folder of the images: the next run would take its pictures for images;"
                    " name another one"
                )
        files = [still.path for still in inputs.stills] + [video.path for video in inputs.videos]
        read = {os.path.realpath(file) for file in files}
        for written in self._all(inputs):
            if os.path.realpath(written) in read:
                raise InputError(f"{written} is to be read and would be overwritten; name another folder with --out")

    def _all(self, inputs: Inputs) -> Iterator[Path]:
        for still in inputs.stills:
            yield self.segmentation(still)
            yield self.anomaly(still)
        for video in inputs.videos:
            yield self.overlay(video)
