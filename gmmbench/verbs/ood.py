"""``gmmbench eval-ood``: saved rows of every score on every OOD set, of a model or of score maps made elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gmmbench.evaluate import evaluate_ood, given
from gmmbench.results import Row, RunFolder
from gmmbench.score_maps import ScoreMaps
from gmmbench.verbs.measuring import DEFAULT, Measuring
from gmmbench.verbs.ready import OUTSIDE, make_ready, wanted
from gmmbench.verbs.sets import OodSets
from gmmbench.verbs.setting import ProgressBar, code_and_machine, command_line, quiet, timed
from gmmbench.verbs.subject import Subject

GIVEN = "score_maps"
"""What the score of maps made elsewhere is called."""


def eval_model(
    subject: Subject,
    sets: OodSets,
    measuring: Measuring = DEFAULT,
    *,
    scores: str = "fast",
    outside: Sequence[str] = (),
    out: Path,
    name: str | None = None,
    bar: ProgressBar = quiet,
) -> tuple[list[Row], list[str]]:
    """Every metric of each score on each OOD set, from one forward per image.

    Args:
        scores: "fast", "all" or names separated by commas, with options; see ``gmmbench.scores.choose``.
        outside: scores of one's own, "package.module:function".
        out: the run folder.
        name: of the model in tables.

    Returns:
        The rows, and what to tell of fits.

    Raises:
        InputError: bad input of any kind. All names, folders and the checkpoint are checked before the first
            image is read.
    """
    asked = wanted(scores, outside)
    measuring.check()
    found = sets.load()
    ready = make_ready(subject, asked, data_root=sets.data_root, out=out, bar=bar)
    options = {"scores": scores, "score": tuple(outside), **ready.loaded.options, **measuring.options()}
    source = measuring.source(ready.source())
    rows = []
    for dataset, ood in found.items():
        about: dict[str, Any] = {
            "command": command_line("eval-ood", *ready.loaded.words, **sets.option(dataset), **options),
            "protocol": {"network input": ready.loaded.model.network_input} | measuring.words(ood),
            "dataset": ood.facts,
        }
        with bar(dataset) as progress, timed(RunFolder(out), "ood", dataset):
            rows += evaluate_ood(
                source,
                ood.images,
                ready.families,
                folder=RunFolder(out),
                run=name or ready.loaded.name,
                dataset=dataset,
                provenance=dict(ready.provenance) | about,
                measure=measuring.on(ood),
                progress=progress,
            )
    return rows, ready.notes()


def eval_maps(
    folder: Path,
    sets: OodSets,
    measuring: Measuring = DEFAULT,
    *,
    negated: bool = False,
    out: Path,
    name: str | None = None,
    bar: ProgressBar = quiet,
) -> tuple[list[Row], list[str]]:
    """The metrics of score maps that other code computed.

    Args:
        folder: a map for each image, see ``ScoreMaps``.
        negated: they hold confidence, lower = more anomalous.
        out, name, bar: as in ``eval_model``.

    Returns:
        The rows, and what to tell of files that belong to no image.

    Raises:
        InputError: bad input of any kind; that every image looked at has one map is checked before any is read.
    """
    measuring.check()
    found = sets.load()
    maps = ScoreMaps(folder, negated=negated)
    every = {dataset: [pair.name for pair in ood.images.pairs] for dataset, ood in found.items()}
    names = {dataset: of_set[: measuring.limit] for dataset, of_set in every.items()}
    for of_set in names.values():
        maps.check(of_set)
    rows, notes = [], []
    options = {"score_maps": folder, "negated": negated, **measuring.options()}
    for dataset, ood in found.items():
        digest = maps.sha256(names[dataset])
        about: dict[str, Any] = code_and_machine("cpu") | {
            "command": command_line("eval-ood", **sets.option(dataset), **options),
            "config": f"--score-maps {folder}",
            "config_sha256": digest,
            "checkpoint": None,
            "checkpoint_sha256": digest,
            "scores": {GIVEN: "as its files say" + (", sign changed" if negated else "") + "; higher = more anomalous"},
            "protocol": {"network input": "not ours: score maps made elsewhere"} | measuring.words(ood),
            "dataset": ood.facts,
        }
        with bar(dataset) as progress, timed(RunFolder(out), "ood", dataset):
            rows += evaluate_ood(
                measuring.source(given(maps.read, GIVEN)),
                ood.images,
                {GIVEN: OUTSIDE},
                folder=RunFolder(out),
                run=name or folder.name,
                dataset=dataset,
                provenance=about,
                measure=measuring.on(ood),
                progress=progress,
            )
    extra = maps.extra([each for of_set in every.values() for each in of_set])
    if extra:
        notes.append(f"{len(extra)} files in {folder} belong to no image, first {extra[0].name}")
    return rows, [*notes, f"maps were stored as {maps.precision}"]
