"""Scores that are fitted: training pixels drawn in one pass, fits saved with what they were fitted on, and reused."""

from __future__ import annotations

import hashlib
import inspect
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gmmbench.atomic import atomic_file
from gmmbench.errors import InputError
from gmmbench.evaluate import ImageSet, Predict, Progress
from gmmbench.evaluate.reading import number_of, read_ahead
from gmmbench.labels import IGNORE, Sample
from gmmbench.prediction import Head, Prediction
from gmmbench.scores.score import FittedScore, Score, options_of
from gmmbench.scores.training_pixels import State, TrainingPixels

KIND = "gmmbench fitted score"

FIT_VERSION = 1
"""Of what the fits compute and how pixels are drawn. Raise it when either changes: older files are then refitted."""

PIXELS = 262_144
"""Training pixels that are drawn if not said otherwise."""

MOST_BYTES = 512 << 20
"""Most memory of the features and logits drawn; where channels and classes are many, fewer pixels are drawn."""


@dataclass(frozen=True)
class Fitted:
    """Where the state of one score comes from.

    Attributes:
        path: of the file.
        reused: it was there.
        pixels: how many training pixels it was fitted on.
        about: what it was fitted on and how; plain values.
    """

    path: Path
    reused: bool
    pixels: int
    about: Mapping[str, Any]

    def __str__(self) -> str:
        about = self.about
        return (
            f"fitted on {self.pixels:,} pixels of {about['images']} images of {about['closed_set']} {about['split']},"
            f" seed {about['seed']}"
        )


def draw(
    predict: Predict,
    images: ImageSet,
    classes: int,
    *,
    pixels: int = PIXELS,
    seed: int = 0,
    limit: int | None = None,
    progress: Progress | None = None,
) -> TrainingPixels:
    """Labelled pixels of the training images as the model sees them, in one pass.

    Each image gives the same number of pixels, drawn at random from all that are labelled, or all of these where
    they are fewer. What is drawn of an image depends on its name, the seed and that number alone. A pixel's label
    is exact, its logits are those at label resolution, its features those of the nearest feature pixel.

    Args:
        images: a closed set's training split.
        classes: C; a label is 0 to C - 1 or ``IGNORE``, which is never drawn.
        pixels: at most so many, and at most what ``MOST_BYTES`` hold; but one of each image.
        limit: at most so many images, the first ones.

    Returns:
        On the CPU. Features are (N, 0) from a model that gives none.

    Raises:
        InputError: no labelled pixel at all, a label out of range, or outputs of the wrong size or not finite;
            names the image.
    """
    if pixels < 1:
        raise InputError(f"{pixels} training pixels: wanted at least 1")
    total = number_of(images, limit)
    room, share, count, head = None, 0, 0, None
    for sample in read_ahead(images, total, progress):
        prediction = predict(sample.image)
        _check(sample, prediction, classes)
        if room is None:
            head, channels = prediction.head, 0 if prediction.features is None else len(prediction.features)
            share = max(1, min(pixels, MOST_BYTES // (4 * (channels + classes))) // total)
            room = _room(share * total, channels, classes)
        places = _places(sample, share, seed)
        rows = slice(count, count + len(places))
        room.features[rows], room.logits[rows], room.labels[rows] = _pixels(sample, prediction, places)
        count += len(places)
    if room is None or not count:
        raise InputError(f"no labelled pixel in {total} training images; wanted labels of the {classes} classes")
    head = None if head is None else Head(head.weight.cpu(), head.bias.cpu())
    return TrainingPixels(room.features[:count], room.logits[:count], room.labels[:count], head)


def fitted_scores(
    chosen: Mapping[str, Score | FittedScore],
    *,
    folder: Path,
    about: Mapping[str, Any],
    pixels: Callable[[], TrainingPixels],
) -> tuple[dict[str, Score], dict[str, Fitted]]:
    """All scores ready to compute: pure ones as they are, fitted ones with their state.

    A state is read from ``folder`` where a file says that it was fitted to the same, with the same options and the
    same ``FIT_VERSION``; or else it is fitted, and the file written or replaced.

    Args:
        chosen: what ``choose`` gave.
        folder: of a checkpoint; a score's file is named after it and the options of its fit.
        about: all that decides what ``pixels`` gives: plain values, with at least "checkpoint_sha256",
            "closed_set", "split", "images", "pixels", "seed" and "network_input".
        pixels: called once, and only if something has to be fitted.

    Returns:
        The scores in their order, and of each fitted one where it comes from.

    Raises:
        InputError: a file there that cannot be read, or is of another kind; or what a fit raises.
    """
    known, scores, origins = None, dict[str, Score](), dict[str, Fitted]()
    for name, score in chosen.items():
        if isinstance(score, Score):
            scores[name] = score
            continue
        base, options = name.partition("@")[0], _fit_options(score)
        wanted = _plain({**about, "score": base, "options": options, "fit_version": FIT_VERSION})
        path = folder / f"{_stem(base, score)}.pth"
        found = _read(path) if path.is_file() else None
        if found is None or found["about"] != wanted:
            known = known or pixels()
            found = {"kind": KIND, "about": wanted, "pixels": len(known.labels), "state": _fit(score, known)}
            with atomic_file(path) as file:
                torch.save(found, file)
            origins[name] = Fitted(path, False, found["pixels"], wanted)
        else:
            origins[name] = Fitted(path, True, found["pixels"], wanted)
        scores[name] = score.bound(found["state"])
    return scores, origins


def _room(rows: int, channels: int, classes: int) -> TrainingPixels:
    """To be filled. Pixels gathered image by image and joined at the end would be there twice."""
    labels = torch.empty(rows, dtype=torch.int64)
    return TrainingPixels(torch.empty(rows, channels), torch.empty(rows, classes), labels)


def _check(sample: Sample, prediction: Prediction, classes: int) -> None:
    shape = (classes, *sample.labels.shape)
    if tuple(prediction.logits.shape) != shape:
        raise InputError(f"image '{sample.name}': logits of shape {tuple(prediction.logits.shape)}, wanted {shape}")
    for what, values in (("logits", prediction.logits), ("features", prediction.features)):
        if values is not None and not torch.isfinite(values).all():
            raise InputError(f"image '{sample.name}': the model's {what} are not finite; is the checkpoint whole?")
    strange = (sample.labels >= classes) & (sample.labels != IGNORE)
    if strange.any():
        raise InputError(
            f"image '{sample.name}': label {int(sample.labels[strange].max())}, but the model has {classes} classes,"
            f" 0 to {classes - 1}; is this its training set?"
        )


def _places(sample: Sample, share: int, seed: int) -> Tensor:
    """(n,) int64 raster positions of at most ``share`` labelled pixels."""
    labelled = torch.from_numpy(sample.labels != IGNORE).flatten().nonzero().squeeze(1)
    digest = hashlib.sha256(f"{seed} {sample.name}".encode()).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest[:8], "little", signed=True))
    return labelled[torch.randperm(len(labelled), generator=generator)[:share]]


def _pixels(sample: Sample, prediction: Prediction, places: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Features (n, D), logits (n, C) and labels (n,) at raster positions of the labels."""
    height, width = sample.labels.shape
    labels = torch.from_numpy(sample.labels).flatten()[places].long()
    where = places.to(prediction.logits.device)
    logits = prediction.logits.flatten(1)[:, where].t().float().cpu()
    if prediction.features is None:
        return torch.empty(len(places), 0), logits, labels
    h, w = prediction.features.shape[1:]
    # A pixel's middle, (y + 1/2) / H of the way down, falls into this row of feature pixels.
    row, column = (2 * (where // width) + 1) * h // (2 * height), (2 * (where % width) + 1) * w // (2 * width)
    features = prediction.features[:, row, column].t().float().cpu()
    return features, logits, labels


def _fit_options(score: FittedScore) -> dict[str, Any]:
    """The options that the fit reads; those of the computation alone leave a state what it is."""
    parameters = inspect.signature(score.fit).parameters
    return {name: value for name, value in options_of(score).items() if name in parameters}


def _stem(base: str, score: FittedScore) -> str:
    """A file name for each set of fit options, so that ``knn`` and ``knn@bank=4096`` do not replace each other."""
    usual = _fit_options(FittedScore(score.fit, score.compute, score.needs, score.formula))
    changes = [f"@{name}={value}" for name, value in _fit_options(score).items() if value != usual[name]]
    return re.sub(r"[^\w.@=+-]", "_", base + "".join(changes))


def _fit(score: FittedScore, pixels: TrainingPixels) -> State:
    """What a fit gives, on memory of its own: a view would be saved with all that it is a view of."""
    return {key: value.detach().clone() for key, value in score.fitted(pixels).items()}


def _plain(about: Mapping[str, Any]) -> dict[str, Any]:
    """As JSON has it, so that what was read compares equal to what was written."""
    plain: dict[str, Any] = json.loads(json.dumps(dict(about), sort_keys=True))
    return plain


def _read(path: Path) -> dict[str, Any]:
    """What ``fitted_scores`` wrote."""
    remedy = "delete it, and it is fitted again"
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # damaged bytes raise anything
        raise InputError(f"{path} cannot be read as a fitted score; {remedy}") from error
    kinds = {"about": dict, "pixels": int, "state": dict}
    if not isinstance(content, dict) or content.get("kind") != KIND:
        raise InputError(f"{path} is another kind of file than a fitted score; move it away, and the score is fitted")
    whole = all(isinstance(content.get(key), kind) for key, kind in kinds.items())
    if not whole or not all(isinstance(v, Tensor) and v.isfinite().all() for v in content["state"].values()):
        raise InputError(f"{path} holds no whole state of a fitted score; {remedy}")
    return content
