"""``gmmbench compare``: two scores on the same images, with paired intervals; reads saved counts alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gmmbench.errors import InputError, unknown_name
from gmmbench.evaluate.components import read_components
from gmmbench.evaluate.tally import formulas
from gmmbench.metrics.bootstrap import Difference, differences, mean_interval, ratio_differences
from gmmbench.metrics.protocols import PROTOCOLS, Protocol
from gmmbench.results import Row, RunFolder, SavedImages

RANKING = "AP"


@dataclass(frozen=True)
class Side:
    """One of the two: a score of a run."""

    run: str
    score: str
    folder: RunFolder


@dataclass(frozen=True)
class Comparison:
    """The metrics of one score less those of another on one data set."""

    dataset: str
    first: Side
    second: Side
    differences: dict[str, Difference]


def compare(first: Path, second: Path, *, scores: str | None = None, dataset: str | None = None) -> list[Comparison]:
    """The paired differences, one comparison a data set.

    Args:
        first, second: run folders that ``eval-ood`` wrote; may be one and the same.
        scores: "A,B", a score of the first and one of the second; by default the best of each by AP; in one and the
            same folder the two best.
        dataset: one name; by default all that both folders hold.

    Raises:
        InputError: unknown names, folders without counts, or counts of other images or by other protocols.
    """
    rows = [[row for row in RunFolder(path).rows() if row.task == "ood"] for path in (first, second)]
    there = [list(dict.fromkeys(row.dataset for row in side)) for side in rows]
    both = [name for name in there[0] if name in there[1]]
    if not both:
        raise InputError(f"{first} and {second} share no OOD set; evaluate both on one")
    if dataset is not None and dataset not in both:
        raise unknown_name("data set of both runs", dataset, both)
    return [
        _compare(name, (first, second), [[row for row in side if row.dataset == name] for side in rows], scores)
        for name in both
        if dataset in (None, name)
    ]


def _compare(dataset: str, paths: tuple[Path, Path], rows: list[list[Row]], scores: str | None) -> Comparison:
    protocol = _protocol(dataset, rows)
    names = _two_best(rows, paths) if scores is None else _named(scores, rows)
    first, second = (
        Side(side[0].run, name, RunFolder(path)) for side, name, path in zip(rows, names, paths, strict=True)
    )
    counts = [side.folder.image_counts(dataset, side.score) for side in (first, second)]
    if counts[0].names() != counts[1].names():
        raise InputError(f"{paths[0]} and {paths[1]} hold other images of {dataset}; evaluate both on the same ones")
    if protocol.per_image:
        found = _of_images(protocol, *counts)
    else:
        found = differences(lambda: counts[0], lambda: counts[1], formulas(protocol))
    found = found | _of_components(dataset, first, second)
    return Comparison(dataset, first, second, _of_rows(found, rows, names))


def _of_rows(found: dict[str, Difference], rows: list[list[Row]], names: tuple[str, str]) -> dict[str, Difference]:
    """The intervals of ``found`` about the differences of the rows' values, which are those that tables show.

    Rows are read from finer bins than an image's counts keep: FPR95 may differ by some tenths of a percent.
    """
    first, second = (
        {row.metric: row.value for row in side if row.score == name} for side, name in zip(rows, names, strict=True)
    )
    return {
        metric: apart._replace(value=first[metric] - second[metric]) if metric in first and metric in second else apart
        for metric, apart in found.items()
    }


def _of_components(dataset: str, first: Side, second: Side) -> dict[str, Difference]:
    """Component metrics, where both evaluations have them, each at its own threshold as it stands."""
    files = [side.folder.counts_file(dataset, f"{side.score}.components") for side in (first, second)]
    if not all(file.is_file() for file in files):
        return {}
    a, b = (side.folder.load_counts(dataset, f"{side.score}.components")["vectors"] for side in (first, second))
    return ratio_differences(a, b, read_components)


def _of_images(protocol: Protocol, first: SavedImages, second: SavedImages) -> dict[str, Difference]:
    """Differences of means over images."""
    found = {}
    for metric, reading in protocol.readings.items():
        sides = [np.array([reading.read(image) for image in side]) for side in (first, second)]
        each = sides[0] - sides[1]
        found[metric] = Difference(float(each.mean()), *mean_interval(each))
    return found


def _ranked(rows: list[Row]) -> list[str]:
    """Scores from the best AP down."""
    ranked = sorted((row for row in rows if row.metric == RANKING), key=lambda row: -row.value)
    if not ranked:
        raise InputError(
            f"run '{rows[0].run}' has no {RANKING} on {rows[0].dataset}; name two scores with --scores A,B"
        )
    return [str(row.score) for row in ranked]


def _two_best(rows: list[list[Row]], paths: tuple[Path, Path]) -> tuple[str, str]:
    """The best score of each run; of one and the same folder its two best, as a score is not compared with itself."""
    first, second = (_ranked(side) for side in rows)
    if paths[0].resolve() == paths[1].resolve():
        second = second[1:]
    if not second:
        raise InputError(f"{paths[0]} has one score on {rows[0][0].dataset}; name another run to compare it with")
    return first[0], second[0]


def _named(scores: str, rows: list[list[Row]]) -> tuple[str, str]:
    names = [name.strip() for name in scores.split(",")]
    if len(names) != 2:
        raise InputError(f"--scores {scores}: wanted two, A,B: a score of the first and one of the second run")
    for name, side in zip(names, rows, strict=True):
        known = {str(row.score) for row in side}
        if name not in known:
            raise unknown_name(f"score of '{side[0].run}' on {side[0].dataset}", name, known)
    return names[0], names[1]


def _protocol(dataset: str, rows: list[list[Row]]) -> Protocol:
    """That by which both were measured."""
    here, there = (side[0].provenance.get("protocol") or {} for side in rows)
    for key in ("protocol", "resolution", "images without OOD", "score precision"):
        if here.get(key) != there.get(key):
            raise InputError(
                f"the runs were measured by different protocols on {dataset}: '{key}' is {here.get(key)!r} in one and"
                f" {there.get(key)!r} in the other; evaluate both alike"
            )
    name = str(here.get("protocol"))
    if name not in PROTOCOLS:
        raise unknown_name(f"protocol of the runs on {dataset}:", name, PROTOCOLS)
    return PROTOCOLS[name]
