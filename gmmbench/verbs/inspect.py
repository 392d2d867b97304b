"""``gmmbench inspect``: a model with a mixture to a description of what the mixture learnt, in its run folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from gmmbench.data import closed_set
from gmmbench.data.registry import existing_root
from gmmbench.errors import InputError
from gmmbench.evaluate import ImageSet
from gmmbench.evaluate.reading import number_of, read_ahead
from gmmbench.gmm import GMMClassifier
from gmmbench.metrics import ScoreCounts
from gmmbench.mixture import Budget, ClassMixtures, Description, below, counted, describe
from gmmbench.models.predictor import Predictor
from gmmbench.results.mixture import MIXTURE, mixture_staging
from gmmbench.scores.gmm_lse import gmm_lse
from gmmbench.verbs.setting import (
    IGNORED,
    ProgressBar,
    code_and_machine,
    command_line,
    facts_of,
    quiet,
)
from gmmbench.verbs.subject import OurModel

TRAIN = "train"
USUAL = Budget()
RESOLUTION = (
    "log p(x) = -gmm_lse at that of the label files, class log-densities brought there bilinearly (align_corners=False)"
    " as for scores; classes and components at the features', labels brought there by nearest neighbour"
)


def inspect(
    model: OurModel,
    *,
    data_root: Path,
    out: Path,
    held_out: str | None = "test",
    budget: Budget = USUAL,
    limit: int | None = None,
    bar: ProgressBar = quiet,
) -> tuple[Path, Description]:
    """Describe a model's class mixtures by the training split of its closed set, in ``out``/mixture.

    Args:
        model: a GMM model, or any with ``gmm``.
        out: the run folder.
        held_out: the split whose log p(x) is held against the training split's quantiles; ``None``: none.
        limit: at most so many images of each split, the first ones.

    Returns:
        The folder written, and what was found.

    Raises:
        InputError: bad input of any kind, before anything is written; among it a model without a mixture.
    """
    root = existing_root(data_root)
    loaded = model.load()
    predictor = loaded.bare
    assert isinstance(predictor, Predictor)  # what a config and a checkpoint make
    closed = closed_set(predictor.closed_set)
    if predictor.num_classes != len(closed.classes):
        raise InputError(
            f"{model.config} has {predictor.num_classes} classes but its closed set '{predictor.closed_set}' has"
            f" {len(closed.classes)}; mend decode_head.num_classes or evaluation.closed_set"
        )
    mixtures = mixtures_of(predictor, model)
    images = closed.load(root, TRAIN)
    held = closed.load(root, held_out) if held_out is not None else None
    about: dict[str, Any] = dict(loaded.provenance) | code_and_machine(predictor.device)
    about |= {
        "closed_set": predictor.closed_set,
        "split": TRAIN,
        "images": number_of(images, limit),
        "images_total": len(images),
        "sample": {"pixels of a class": budget.pixels, "seed": budget.seed},
        "covariance": type(mixtures.mixture.covariance).__name__,
        "class_density": "likeliest component" if mixtures.weights is None else "mixture, uniform weights",
        "dataset": facts_of(predictor.closed_set),
        "protocol": {
            "network input": predictor.network_input,
            "resolution": RESOLUTION,
            "ignored pixels": IGNORED,
        },
        "command": command_line(
            "inspect", model.config, model.checkpoint, gmm=model.gmm, limit=limit, pixels=budget.pixels,
            seed=budget.seed, **({"no_test": True} if held_out is None else {"test_split": held_out}),
        ),
    }  # fmt: skip
    with mixture_staging(out) as staged, torch.inference_mode():
        with bar(f"{predictor.closed_set} {TRAIN}") as progress:
            found = describe(predictor, mixtures, images, closed.classes, budget=budget, limit=limit, progress=progress)
        if held is not None:
            counts = _counts(predictor, held, limit, bar, f"{predictor.closed_set} {held_out}")
            quantiles = np.asarray(found.summary["density_quantiles"], dtype=np.float64)
            found.summary["test_levels_below"] = below(counts, quantiles)
            found.summary["test_pixels"] = np.array(counts.pixels_in)
            about |= {"test_split": held_out, "test_images": number_of(held, limit), "test_images_total": len(held)}
        staged.commit(found.summary, found.patches, about)
    return out / MIXTURE, found


def mixtures_of(predictor: Predictor, model: OurModel) -> ClassMixtures:
    """The mixtures behind a predictor's density. Raises InputError where it has none."""
    classes = predictor.num_classes
    if predictor.posthoc is not None:
        there = predictor.posthoc.mixture.started[:classes].float()
        shares = there / there.sum(dim=1, keepdim=True).clamp(min=1)
        return ClassMixtures(predictor.posthoc.mixture, classes, predictor.posthoc.embed, shares)
    classifier = predictor.model.classifier
    if not isinstance(classifier, GMMClassifier):
        raise InputError(
            f"{model.config} has no mixture to inspect: its classifier is a softmax layer; fit one with"
            f" 'gmmbench fit-gmm {model.config} {model.checkpoint}' and name the file it writes with --gmm"
        )
    mixture, options = classifier.mixture, classifier.options
    uniform = torch.full_like(mixture.started[:classes].float(), 1 / options.components)
    weights = {"mixture": uniform, "best": None}[options.class_density]
    # A prediction's features have been embedded: they are what entered the mixture.
    return ClassMixtures(mixture, classes, torch.nn.Identity(), weights)


def _counts(predictor: Predictor, images: ImageSet, limit: int | None, bar: ProgressBar, title: str) -> ScoreCounts:
    """Of ``gmm_lse`` over a split of the closed set."""
    counts = ScoreCounts()
    with bar(title) as progress:
        for sample in read_ahead(images, number_of(images, limit), progress):
            counted(counts, gmm_lse(predictor(sample.image)), sample.labels, sample.name)
    return counts
