"""What the command line's evaluation verbs do, as functions: a config and a checkpoint to saved rows."""

from __future__ import annotations

import json
import platform
import shlex
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from gmmbench import __version__
from gmmbench.data import closed_set, ood_set
from gmmbench.data.cards import card
from gmmbench.data.pairs import PairedSet
from gmmbench.data.registry import existing_root
from gmmbench.errors import InputError
from gmmbench.evaluate import Progress, evaluate_closed, evaluate_ood
from gmmbench.models.posthoc import load_posthoc
from gmmbench.models.predictor import Predictor, load_predictor
from gmmbench.provenance import code_version, library_versions, sha256
from gmmbench.results import Row, RunFolder
from gmmbench.scores import SCORES, choose
from gmmbench.train import RECORD

ProgressBar = Callable[[str], AbstractContextManager[Progress | None]]
"""A title to a context that is told of each image; see ``gmmbench.console.progress_bar``."""


def quiet(title: str) -> AbstractContextManager[None]:
    """The progress bar of those who want none."""
    return nullcontext()


def eval_closed(
    config: Path,
    checkpoint: Path,
    *,
    data_root: Path,
    out: Path,
    split: str = "test",
    name: str | None = None,
    limit: int | None = None,
    bar: ProgressBar = quiet,
) -> list[Row]:
    """mIoU, per-class IoU, pixel accuracy and mean accuracy on the closed set that the config trains on.

    Args:
        split: "train", "val" or "test".
        name: of the model in tables; the config's file name if not given.
        limit: at most so many images, the first ones.

    Raises:
        InputError: bad input of any kind, before anything is written.
    """
    root = existing_root(data_root)
    predictor = load_predictor(config, checkpoint)
    closed = closed_set(predictor.closed_set)
    images = closed.load(root, split)
    if predictor.num_classes != len(closed.classes):
        raise InputError(
            f"{config} has {predictor.num_classes} classes but its closed set '{predictor.closed_set}' has"
            f" {len(closed.classes)}; mend decode_head.num_classes or evaluation.closed_set"
        )
    protocol = _protocol(predictor) | {
        "prediction": "arg-max of the logits at label resolution",
        "pooling": "one confusion matrix over all pixels of all images",
        "split": split,
    }
    with bar(f"{predictor.closed_set} {split}") as progress:
        return evaluate_closed(
            predictor,
            images,
            closed.classes,
            folder=RunFolder(out),
            run=name or config.stem,
            dataset=predictor.closed_set,
            provenance=_provenance(
                "eval-closed", predictor, config, checkpoint, predictor.closed_set, protocol, f"--split {split}"
            ),
            limit=limit,
            progress=progress,
        )


def eval_ood(
    config: Path,
    checkpoint: Path,
    datasets: Sequence[str],
    *,
    data_root: Path,
    out: Path,
    scores: str = "all",
    gmm: Path | None = None,
    name: str | None = None,
    limit: int | None = None,
    bar: ProgressBar = quiet,
) -> list[Row]:
    """AUROC, AP and FPR95 of each score on each OOD set, from one forward per image.

    Args:
        datasets: registry names.
        scores: "all" or names separated by commas.
        gmm: what ``fit_gmm`` wrote for this checkpoint; it gives the density.
        name, limit: as in ``eval_closed``.

    Raises:
        InputError: bad input of any kind. All names, folders and the checkpoint are checked before
            the first image is read.
    """
    choose(scores, gives={score.needs for score in SCORES.values()})  # a misspelt name, before any work
    image_sets: dict[str, PairedSet] = {dataset: ood_set(dataset, data_root) for dataset in datasets}
    predictor, density, formulas = load_predictor(config, checkpoint), None, {}
    if gmm is not None:
        posthoc, about = load_posthoc(gmm, checkpoint, sha256(checkpoint))
        predictor = replace(predictor, posthoc=posthoc.to(next(predictor.model.parameters()).device))
        density = about | {"file": str(gmm), "file_sha256": sha256(gmm)}
        formulas = {"density": "; d of " + _in_words(about)}
    chosen = choose(scores, predictor.gives)
    protocol = _protocol(predictor) | {
        "scores": "of logits and class log-densities at label resolution",
        "pooling": "all pixels of all images are counted together",
        "positive class": "OOD; a pixel is called anomalous where its score is at or above the threshold",
    }
    rows = []
    for dataset, images in image_sets.items():
        options = f"--scores {scores}" + ("" if gmm is None else f" --gmm {gmm}")
        provenance = _provenance("eval-ood", predictor, config, checkpoint, dataset, protocol, options)
        provenance["scores"] = {key: score.formula + formulas.get(score.needs, "") for key, score in chosen.items()}
        if density is not None:
            provenance["posthoc"] = density
        with bar(dataset) as progress:
            rows += evaluate_ood(
                predictor,
                images,
                chosen,
                folder=RunFolder(out),
                run=name or config.stem,
                dataset=dataset,
                provenance=provenance,
                limit=limit,
                progress=progress,
                generative=predictor.generative,
            )
    return rows


def _in_words(about: dict[str, Any]) -> str:
    """What a report says of a post-hoc density."""
    each = "a Gaussian" if about["components"] == 1 else f"{about['components']} Gaussians"
    unit = ", L2-normalised" if about["unit"] else ""
    right = ", correctly classified pixels only" if about["correct_only"] else ""
    return (
        f"{each} a class ({about['covariance']} covariance), fitted to the trained model's features{unit}, on"
        f" {about['images']} images of {about['closed_set']} {about['split']}{right}"
    )


def _protocol(predictor: Predictor) -> dict[str, str]:
    return {
        "network input": predictor.network_input,
        "resolution": "that of the label files; logits and class log-densities are brought there"
        " bilinearly (align_corners=False), labels are never resized",
        "ignored pixels": "void (value 255 after mapping) is dropped before anything is counted",
    }


def _provenance(
    verb: str,
    predictor: Predictor,
    config: Path,
    checkpoint: Path,
    dataset: str,
    protocol: dict[str, str],
    options: str,
) -> dict[str, Any]:
    record = checkpoint.parent / RECORD
    training = json.loads(record.read_text(encoding="utf-8")) if record.is_file() else {}
    changes = "".join(f" --set {shlex.quote(change)}" for change in training.get("overrides", ()))
    which = f" --datasets {dataset}" if verb == "eval-ood" else ""
    about = card(dataset)
    return {
        "command": f"gmmbench {verb} {config} {checkpoint}{which} {options}",
        "config": str(config),
        "config_sha256": predictor.config_sha256,
        "checkpoint": str(checkpoint),
        "checkpoint_sha256": sha256(checkpoint),
        "seed": training.get("seed"),
        "training": training,
        "training_command": f"gmmbench train {training['config']} --seed {training['seed']}{changes}"
        if training
        else None,
        "code": code_version(),
        "gmmbench": __version__,
        "python": platform.python_version(),
        "libraries": library_versions(),
        "device": str(next(predictor.model.parameters()).device),
        "protocol": protocol,
        "dataset": {key: about[key] for key in ("name", "title", "citation", "licence", "note", "frames_may_be_shown")},
    }
