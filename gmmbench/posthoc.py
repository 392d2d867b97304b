"""A mixture of Gaussians fitted afterwards to the features of a model that is already trained."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from gmmbench.data import closed_set
from gmmbench.data.pairs import PairedSet
from gmmbench.data.registry import existing_root
from gmmbench.errors import InputError, unknown_name
from gmmbench.evaluate import Progress
from gmmbench.gmm.covariance import COVARIANCES
from gmmbench.gmm.fit import fit, mean_variance, seeded_shares
from gmmbench.gmm.sample import BalancedSample
from gmmbench.labels import IGNORE, Sample
from gmmbench.models.posthoc import PostHoc, save_posthoc
from gmmbench.models.predictor import Predictor, load_predictor
from gmmbench.prediction import Prediction
from gmmbench.provenance import code_version, library_versions, sha256
from gmmbench.verbs import ProgressBar, quiet

SAMPLE_BYTES = 1 << 30
"""Most memory that sampled features take; where classes and channels are many, fewer pixels are kept."""


@dataclass(frozen=True)
class Fitted:
    """What came of a fit.

    Attributes:
        path: of the mixture.
        about: what it was fitted on and how: plain values, saved in the file.
    """

    path: Path
    about: dict[str, Any]

    def lines(self) -> list[str]:
        """What the command line prints."""
        about = self.about
        pixels: dict[str, int] = about["pixels"]
        absent = [name for name, number in pixels.items() if not number]
        lines = [
            f"{sum(pixels.values())} pixels of {about['images']} of {about['images_total']} images, at most"
            f" {about['pixels_per_class']} a class, {about['dim']} channels, {about['sample_bytes'] / 2**20:.0f} MiB"
        ]
        lines += [f"no pixel of {', '.join(absent)}: as unlikely as the least likely class"] if absent else []
        lines += [
            f"EM iteration {number}: {value:.3f} nats a pixel"
            for number, value in enumerate(about["log_likelihood"], start=1)
        ]
        return [*lines, f"wrote {self.path}"]


def fit_gmm(
    config: Path,
    checkpoint: Path,
    *,
    data_root: Path,
    out: Path,
    covariance: str = "full",
    components: int = 1,
    unit: bool = True,
    floor: float = 0.1,
    correct_only: bool = False,
    pixels: int = 20_000,
    seed: int = 0,
    limit: int | None = None,
    bar: ProgressBar = quiet,
) -> Fitted:
    """Fit class densities by EM to a trained model's features, which stay as they are, and save them.

    One pass over the training split of the model's closed set, images read as in evaluation, labels brought to
    the features' resolution by nearest neighbour. EM starts at k-means++ centres and runs over a sample that is
    balanced over classes and images, until the likelihood gains less than 0.001 nats a pixel.

    Args:
        out: folder that gets ``gmm_COVARIANCE.pth``.
        covariance: a name of ``COVARIANCES``.
        components: M, Gaussians a class.
        unit: bring features to unit length first.
        floor: added to all variances, as a share of the features' mean variance within classes.
        correct_only: leave out pixels that the model gets wrong. They belong to p(feature | class) as much as
            others do, but are more often mislabelled, or features of a neighbour.
        pixels: most pixels sampled of a class.
        seed: of the sample and of k-means++.
        limit: at most so many images, the first ones.

    Raises:
        InputError: bad input of any kind, before anything is written.
    """
    if covariance not in COVARIANCES:
        raise unknown_name("covariance", covariance, COVARIANCES)
    if not floor > 0:
        raise InputError(f"--floor {floor}: wanted more than 0, or few pixels in many dimensions have no density")
    root = existing_root(data_root)
    predictor = load_predictor(config, checkpoint)
    closed = closed_set(predictor.closed_set)
    classes = len(closed.classes)
    if predictor.num_classes != classes:
        raise InputError(
            f"{config} has {predictor.num_classes} classes but its closed set '{predictor.closed_set}' has {classes};"
            " mend decode_head.num_classes or evaluation.closed_set"
        )
    images = closed.load(root, "train")
    total = len(images) if limit is None else min(limit, len(images))
    generator = torch.Generator().manual_seed(seed)
    with bar(f"features of {predictor.closed_set} train") as progress:
        sample = _sample(predictor, images, total, classes, pixels, generator, correct_only, progress)
    features, labels = sample.read()
    if not len(labels):
        raise InputError(
            f"no labelled{' and correctly classified' if correct_only else ''} pixel in {total} images of"
            f" '{predictor.closed_set}' train; wanted labels of its classes"
        )
    if unit:
        features = F.normalize(features, dim=1)
    scale = mean_variance(features, labels, classes)
    if not scale > 0:
        raise InputError(f"the features of {checkpoint} do not vary within classes; is the model trained?")
    try:
        posthoc = PostHoc(classes, components, features.shape[1], covariance=covariance, unit=unit, floor=floor * scale)
    except ValueError as error:  # a rank as large as the features have channels
        raise InputError(f"--covariance {covariance}: {error}") from error
    with bar(f"EM, {covariance}") as progress:
        shares = seeded_shares(features, labels, classes, components, generator)
        history = fit(posthoc.mixture, features, labels, shares, tell=progress)
    found = torch.bincount(labels, minlength=classes).tolist()
    about = {
        "config": str(config),
        "config_sha256": predictor.config_sha256,
        "checkpoint": str(checkpoint),
        "checkpoint_sha256": sha256(checkpoint),
        "closed_set": predictor.closed_set,
        "split": "train",
        "images": total,
        "images_total": len(images),
        "network_input": predictor.network_input,
        "pixels": dict(zip(closed.classes, found, strict=True)),
        "pixels_per_class": sample.capacity,
        "sample_bytes": features.numel() * features.element_size(),
        "covariance": covariance,
        "components": components,
        "dim": features.shape[1],
        "unit": unit,
        "floor": floor,
        "floor_absolute": floor * scale,
        "correct_only": correct_only,
        "seed": seed,
        "log_likelihood": history,
        "code": code_version(),
        "libraries": library_versions(),
    }
    path = out / f"gmm_{covariance}.pth"
    save_posthoc(posthoc, path, about)
    return Fitted(path, about)


def _sample(
    predictor: Predictor,
    images: PairedSet,
    total: int,
    classes: int,
    pixels: int,
    generator: torch.Generator,
    correct_only: bool,
    progress: Progress | None,
) -> BalancedSample:
    sample = None
    for number in range(total):
        picture = images[number]
        prediction = predictor(picture.image)
        maps = None if prediction.features is None else prediction.features.cpu()
        if maps is None or not torch.isfinite(maps).all():
            raise InputError(f"image '{picture.name}': the model's features are not finite; is the checkpoint whole?")
        if sample is None:
            fitting = SAMPLE_BYTES // (classes * len(maps) * maps.element_size())
            sample = BalancedSample(classes, max(1, min(pixels, fitting)), generator)
        labels = _labels(picture, prediction, correct_only)
        sample.add(maps.flatten(1).t(), labels.flatten())
        if progress is not None:
            progress(number + 1, total)
    assert sample is not None  # a PairedSet is never empty
    return sample


def _labels(picture: Sample, prediction: Prediction, correct_only: bool) -> Tensor:
    """(h, w) int64 classes at the features' resolution, nearest neighbour; ``IGNORE`` where none counts."""
    assert prediction.features is not None
    labels = torch.from_numpy(picture.labels).long()
    if correct_only:
        labels = torch.where(prediction.logits.argmax(dim=0).cpu() == labels, labels, IGNORE)
    size = prediction.features.shape[1:]
    return F.interpolate(labels[None, None].float(), size=size, mode="nearest")[0, 0].long()
