"""The files of one evaluation while it runs: beside their place, and moved there when all is done."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gmmbench.atomic import complaining_of, write_text
from gmmbench.results.arrays import Arrays
from gmmbench.results.failures import Failure
from gmmbench.results.folder import ROWS, RunFolder
from gmmbench.results.resamples import write_resamples
from gmmbench.results.rows import Row


@dataclass(frozen=True)
class Staging:
    """Where an evaluation of ``dataset`` writes until ``commit``.

    Attributes:
        run: the run folder that it is for.
        here: a folder on the same disk, gone when the evaluation ends or fails.
    """

    run: RunFolder
    dataset: str
    here: Path

    def file(self, name: str) -> Path:
        """Where the counts called ``name`` go, see ``RunFolder.counts_file``."""
        return RunFolder(self.here).counts_file(self.dataset, name)

    def save_counts(self, name: str, arrays: Arrays) -> None:
        """Store one metric state."""
        RunFolder(self.here).save_counts(self.dataset, name, arrays)

    def save_resamples(self, name: str, images: Sequence[str], values: Mapping[str, NDArray[np.float64]]) -> None:
        """Store (R,) resampled values of each metric of a score, and of which images."""
        write_resamples(self.file(f"{name}.resamples"), images, values)

    def save_picture(self, number: int, image_name: str, arrays: Arrays) -> None:
        """Store one image at picture size; keys as in ``RunFolder.pictures``."""
        RunFolder(self.here).save_picture(self.dataset, number, image_name, arrays)

    def save_failures(self, score: str, failures: Sequence[Failure]) -> None:
        """Store where a score was most wrong."""
        RunFolder(self.here).save_failures(self.dataset, score, failures)

    @property
    def scratch(self) -> Path:
        """A folder for what is not kept."""
        return self.here / "scratch"

    def commit(self, rows: Sequence[Row]) -> None:
        """Put all files and the OOD rows in the place of those of an earlier evaluation of the data set."""
        # All that the disk may be too full for is written before anything is replaced.
        write_text(self.here / ROWS, self.run.lines_with("ood", self.dataset, rows))
        with complaining_of(self.run.path):
            _replace(self.here / "counts" / self.dataset, self.run.path / "counts" / self.dataset, keep="confusion")
            _replace(self.here / "pictures" / self.dataset, self.run.path / "pictures" / self.dataset)
            _replace(self.here / "failures" / self.dataset, self.run.path / "failures" / self.dataset)
            os.replace(self.here / ROWS, self.run.path / ROWS)


@contextmanager
def staging(run: RunFolder, dataset: str) -> Iterator[Staging]:
    """A ``Staging`` whose files vanish at the block's end, unless they were committed.

    Raises:
        InputError: the run folder cannot be written, its disk is full, or it holds rows that cannot be read.
    """
    if (run.path / ROWS).is_file():
        run.rows()
    made = [folder for folder in (run.path, *run.path.parents) if not folder.exists()]
    try:
        with complaining_of(run.path):
            run.path.mkdir(parents=True, exist_ok=True)
            here = tempfile.TemporaryDirectory(dir=run.path, prefix=".evaluating-")
        with here:
            yield Staging(run, dataset, Path(here.name))
    finally:
        for folder in made:
            with suppress(OSError):  # it holds something by now
                folder.rmdir()


def _replace(new: Path, old: Path, keep: str = "") -> None:
    old.mkdir(parents=True, exist_ok=True)
    for file in old.iterdir():
        if not keep or file.name.partition(".")[0] != keep:
            file.unlink()
    for file in new.iterdir() if new.is_dir() else ():
        shutil.move(file, old / file.name)
