"""A run folder: the rows and arrays of one evaluated model, all that a report is made of.

A run folder::

    RUN/results.jsonl                          one row a number, full precision
    RUN/counts/DATASET/SCORE.npz               integer counts of scores (``ScoreCounts.to_arrays``)
    RUN/counts/DATASET/SCORE.images.npz        the same for each image, in coarse bins (``ImageCounts``)
    RUN/counts/DATASET/SCORE.components.npz    component statistics of each image, where they were asked for
    RUN/counts/DATASET/SCORE.resamples.npz     its metrics on resampled images (``Resamples``)
    RUN/counts/DATASET/confusion.npz           integer confusion matrix, and confusion.resamples.npz
    RUN/seconds.json                           wall time of each evaluation: no number is made of it
    RUN/pictures/DATASET/NN_IMAGE.npz          a few images with their maps, at picture size
    RUN/mixture/                               what the mixtures learnt, see ``gmmbench.results.mixture``
    RUN/failures/DATASET/SCORE.npz             the regions where a score was most wrong (``Failure``)

Evaluating again replaces what the same evaluation wrote before and leaves the rest.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from gmmbench.atomic import write_text
from gmmbench.errors import InputError, near_path
from gmmbench.results.arrays import Arrays, load_arrays, save_arrays
from gmmbench.results.failures import Failure, from_arrays, to_arrays
from gmmbench.results.image_counts import SavedImages
from gmmbench.results.mixture import load_mixture
from gmmbench.results.resamples import Resamples, read_resamples
from gmmbench.results.rows import Row

ROWS = "results.jsonl"
SECONDS = "seconds.json"


@dataclass(frozen=True)
class RunFolder:
    """The saved rows and arrays of one evaluated model."""

    path: Path

    def rows(self) -> list[Row]:
        """All rows, in the order they were written.

        Raises:
            InputError: the folder holds no rows, or a line is not a row.
        """
        file = self.path / ROWS
        if not file.is_file():
            inside, beside = self.path.glob(f"*/{ROWS}"), self.path.parent.glob(f"*/{ROWS}")
            near = near_path(self.path, [file.parent for file in inside], least=0) or near_path(
                self.path, [file.parent for file in beside]
            )
            raise InputError(
                f"no results in {self.path}: wanted {ROWS}; {near}run 'gmmbench eval-ood ... --out {self.path}' first"
            )
        rows = []
        # Lines of bytes: str.splitlines() would also split at U+2028 or U+0085 inside a name.
        for number, line in enumerate(file.read_bytes().splitlines(), start=1):
            try:
                rows.append(Row.from_json(line.decode()))
            except (ValueError, KeyError, TypeError) as error:
                raise InputError(
                    f"{file}:{number} is not a result row ({error}); remove that line or evaluate again"
                ) from error
        return rows

    def replace_rows(self, task: str, dataset: str, rows: Iterable[Row]) -> None:
        """Store ``rows`` in place of any earlier rows of this task and data set."""
        write_text(self.path / ROWS, self.lines_with(task, dataset, rows))

    def lines_with(self, task: str, dataset: str, rows: Iterable[Row]) -> str:
        """The content of the file of rows, with ``rows`` in place of any earlier ones of this task and data set."""
        kept = self.rows() if (self.path / ROWS).is_file() else []
        kept = [row for row in kept if (row.task, row.dataset) != (task, dataset)]
        return "".join(f"{row.to_json()}\n" for row in [*kept, *rows])

    def record_seconds(self, task: str, dataset: str, seconds: float) -> None:
        """Note how long an evaluation took. Beside the rows: these are the same bytes whenever they are made."""
        known = self.seconds() | {f"{task} {dataset}": round(seconds, 1)}
        write_text(self.path / SECONDS, json.dumps(known, indent=1, sort_keys=True) + "\n")

    def seconds(self) -> dict[str, float]:
        """Wall time by "TASK DATASET"; empty where none was noted, or nothing that could be read."""
        try:
            found = json.loads((self.path / SECONDS).read_text(encoding="utf-8"))
            return {str(key): float(value) for key, value in found.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}

    def counts_file(self, dataset: str, name: str) -> Path:
        """Where counts are kept; ``name`` is a score's name, "SCORE.images", "SCORE.components" or "confusion"."""
        return self.path / "counts" / dataset / f"{name}.npz"

    def save_counts(self, dataset: str, name: str, arrays: Arrays) -> None:
        """Store one metric state."""
        save_arrays(self.counts_file(dataset, name), arrays)

    def load_counts(self, dataset: str, name: str) -> dict[str, NDArray[Any]]:
        """What ``save_counts`` stored. Raises InputError where it is missing or damaged."""
        return load_arrays(self.counts_file(dataset, name))

    def image_counts(self, dataset: str, score: str) -> SavedImages:
        """The counts of each image, read one after the other. Raises InputError where they are missing."""
        return SavedImages(self.counts_file(dataset, f"{score}.images"))

    def resamples(self, dataset: str, name: str) -> Resamples | None:
        """Of a score's metrics, or of "confusion"; ``None`` where there are none. Raises InputError on damage."""
        return read_resamples(self.counts_file(dataset, f"{name}.resamples"))

    def save_picture(self, dataset: str, number: int, image_name: str, arrays: Arrays) -> None:
        """Store one image at picture size; keys as in ``pictures``."""
        save_arrays(self.path / "pictures" / dataset / f"{number:02d}_{picture_name(image_name)}.npz", arrays)

    def pictures(self, dataset: str) -> Iterator[tuple[str, dict[str, NDArray[Any]]]]:
        """(image name, arrays) of the stored pictures of ``dataset``, in order; none where none were kept.

        Keys: image (h, w, 3) uint8, labels (h, w) uint8 (IN, OOD, IGNORE), prediction (h, w) uint8
        class numbers where there is a model, and ``score/NAME`` (h, w) float32, higher = more anomalous.
        """
        for file in sorted((self.path / "pictures" / dataset).glob("*.npz")):
            yield file.stem.split("_", 1)[1], load_arrays(file)

    def mixture(self) -> dict[str, NDArray[Any]] | None:
        """What 'gmmbench inspect' found, see ``gmmbench.results.mixture``; ``None`` where nobody asked."""
        return load_mixture(self.path)

    def save_failures(self, dataset: str, score: str, failures: Sequence[Failure]) -> None:
        """Store where a score was most wrong."""
        save_arrays(self._failures_file(dataset, score), to_arrays(failures))

    def failures(self, dataset: str, score: str) -> list[Failure]:
        """What ``save_failures`` stored; none where none were kept. Raises InputError where they are damaged."""
        file = self._failures_file(dataset, score)
        if not file.is_file():  # folders of evaluations that kept none
            return []
        try:
            return from_arrays(load_arrays(file))
        except (KeyError, IndexError, ValueError) as error:
            raise InputError(f"{file} is damaged ({error}); evaluate again with the same --out") from error

    def _failures_file(self, dataset: str, score: str) -> Path:
        return self.path / "failures" / dataset / f"{score}.npz"


def picture_name(image_name: str) -> str:
    """What of an image's name its picture is called."""
    return "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in image_name)
