"""Saved counts, read back and held against the rows that speak of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from gmmbench.errors import InputError
from gmmbench.metrics import CONFUSION_READINGS, READINGS, ConfusionMatrix, ScoreCounts
from gmmbench.report.runs import CLOSED, OOD_TASK, Run, datasets
from gmmbench.results import Row

_TOLERANCE = 1e-9  # a row is the same reading of the same integers: only the order of float sums may differ


def score_counts(run: Run, dataset: str, score: str) -> ScoreCounts:
    """The counts behind the rows of ``score``. Raises InputError, naming the file, without them."""
    arrays = run.folder.load_counts(dataset, score)
    with _naming(_file(run, dataset, score)):
        return ScoreCounts.from_arrays(arrays)


def check_saved(runs: Sequence[Run], told: Callable[[int, int], None] | None = None) -> None:
    """Read every row's number again from the saved counts.

    Curves come from the counts and tables from the rows: they must be of one evaluation.

    Args:
        told: of (runs read, runs in all).

    Raises:
        InputError: counts are missing or damaged, or a row says another number than its counts.
    """
    for number, run in enumerate(runs, start=1):
        for dataset in datasets([run], OOD_TASK):
            rows = run.of(OOD_TASK, dataset)
            for score in dict.fromkeys(row.score for row in rows if row.score is not None):
                counts = score_counts(run, dataset, score)
                for row in rows:
                    if row.score == score and row.metric in READINGS and _of_counts(row):
                        _same(row.value, READINGS[row.metric].read(counts), row.metric, _file(run, dataset, score))
        for dataset in datasets([run], CLOSED):
            arrays = run.folder.load_counts(dataset, "confusion")
            with _naming(_file(run, dataset, "confusion")):
                confusion = ConfusionMatrix.from_arrays(arrays)
            for row in run.of(CLOSED, dataset):
                if row.class_name is None and row.metric in CONFUSION_READINGS:
                    value = CONFUSION_READINGS[row.metric].read(confusion)
                    _same(row.value, value, row.metric, _file(run, dataset, "confusion"))
        if told is not None:
            told(number, len(runs))


def _of_counts(row: Row) -> bool:
    """Whether the number is gmmbench's own reading of the pooled bins: others cannot be read again here."""
    protocol = row.provenance.get("protocol") or {}
    binned = not str(protocol.get("counting", "bins")).startswith("all scores")
    return protocol.get("protocol", "gmmbench") == "gmmbench" and binned


def _same(row_value: float, counted: float, metric: str, file: Path) -> None:
    if math.isnan(row_value) and math.isnan(counted):
        return
    if not math.isclose(row_value, counted, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE):
        raise InputError(
            f"{file} gives {metric} {counted!r}, but the row in results.jsonl says {row_value!r}: they are of "
            "different evaluations; evaluate again with the same --out"
        )


def _file(run: Run, dataset: str, name: str) -> Path:
    return run.folder.path / "counts" / dataset / f"{name}.npz"


@contextmanager
def _naming(file: Path) -> Iterator[None]:
    """Put the file's name before an error about what is in it."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{file}: {error}") from error
