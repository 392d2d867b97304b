"""Rows, arrays and their provenance on disk: all that a report is made of.

A run folder::

    RUN/results.jsonl                     one row a number, full precision
    RUN/counts/DATASET/SCORE.npz          integer counts of scores (``ScoreCounts.to_arrays``)
    RUN/counts/DATASET/confusion.npz      integer confusion matrix (``ConfusionMatrix.to_arrays``)
    RUN/pictures/DATASET/NN_IMAGE.npz     a few images with their maps, at picture size

Evaluating again replaces what the same evaluation wrote before and leaves the rest.
"""

from __future__ import annotations

import json
import math
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gmmbench.atomic import atomic_file, write_text
from gmmbench.errors import InputError

ROWS = "results.jsonl"
Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Row:
    """One number and where it comes from.

    Attributes:
        task: "closed" (segmentation of known classes) or "ood".
        run: what the model is called in tables.
        dataset: registry name of the data set.
        metric: name in ``READINGS`` ("AUROC", "AP", "FPR95") or of a closed-set reading.
        value: the reading, a fraction of one; NaN where it is undefined.
        score: registry name of the score (``None`` for closed-set rows).
        family: what the score reads: "density", "logits" of a discriminative model, or "posterior",
            the logits that a generative model makes of its densities (``None`` for closed-set rows).
        class_name: the class a per-class reading speaks of.
        counts: images, images_total, and pixels_in, pixels_ood, pixels_ignored, or pixels.
        provenance: config, checkpoint, code, versions, seed, protocol; see ``gmmbench.provenance``.
    """

    task: str
    run: str
    dataset: str
    metric: str
    value: float
    score: str | None = None
    family: str | None = None
    class_name: str | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        """One line of strict JSON, keys sorted; an undefined value is ``null``."""
        record = asdict(self)
        record["value"] = None if math.isnan(self.value) else self.value
        return json.dumps(record, sort_keys=True, allow_nan=False, ensure_ascii=False)

    @staticmethod
    def from_json(line: str) -> Row:
        """The row that ``to_json`` wrote. Raises ValueError, KeyError or TypeError on anything else."""
        record = json.loads(line)
        record["value"] = math.nan if record["value"] is None else float(record["value"])
        return Row(**record)


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
            raise InputError(
                f"no results in {self.path}: wanted {ROWS}; run 'gmmbench eval-ood ... --out {self.path}' first"
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
        kept = self.rows() if (self.path / ROWS).is_file() else []
        kept = [row for row in kept if (row.task, row.dataset) != (task, dataset)]
        write_text(self.path / ROWS, "".join(f"{row.to_json()}\n" for row in [*kept, *rows]))

    def save_counts(self, dataset: str, name: str, arrays: Arrays) -> None:
        """Store one metric state; ``name`` is a score's name or "confusion"."""
        _save(self.path / "counts" / dataset / f"{name}.npz", arrays)

    def load_counts(self, dataset: str, name: str) -> dict[str, NDArray[Any]]:
        """What ``save_counts`` stored. Raises InputError where it is missing or damaged."""
        return _load(self.path / "counts" / dataset / f"{name}.npz")

    def clear_pictures(self, dataset: str) -> None:
        """Drop the pictures of an earlier evaluation, which may have been of other images."""
        for file in (self.path / "pictures" / dataset).glob("*.npz"):
            file.unlink()

    def save_picture(self, dataset: str, number: int, image_name: str, arrays: Arrays) -> None:
        """Store one image at picture size.

        Keys: image (h, w, 3) uint8, labels (h, w) uint8 (IN, OOD, IGNORE), prediction (h, w) uint8
        class numbers, and ``score/NAME`` (h, w) float32, higher = more anomalous.
        """
        safe = "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in image_name)
        _save(self.path / "pictures" / dataset / f"{number:02d}_{safe}.npz", arrays)

    def pictures(self, dataset: str) -> Iterator[tuple[str, dict[str, NDArray[Any]]]]:
        """(image name, arrays) of the stored pictures of ``dataset``, in order; none where none were kept."""
        for file in sorted((self.path / "pictures" / dataset).glob("*.npz")):
            yield file.stem.split("_", 1)[1], _load(file)


def _save(path: Path, arrays: Arrays) -> None:
    with atomic_file(path) as file:
        np.savez_compressed(file, **dict[str, Any](arrays))


def _load(path: Path) -> dict[str, NDArray[Any]]:
    try:
        # Opened here, because np.load leaves a file open that turns out to be no archive.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return dict(archive)
    except FileNotFoundError as error:
        raise InputError(f"missing {path}; evaluate again with the same --out") from error
    except (ValueError, TypeError, RuntimeError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(f"{path} is damaged ({error}); evaluate again with the same --out") from error
