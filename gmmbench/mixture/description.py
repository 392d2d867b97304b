"""One pass over a training split: what the mixtures of a model learnt."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gmmbench.errors import InputError
from gmmbench.evaluate import ImageSet, Predict, Progress
from gmmbench.evaluate.reading import number_of, read_ahead
from gmmbench.labels import IGNORE, Sample
from gmmbench.metrics import ScoreCounts
from gmmbench.mixture.densities import ClassMixtures
from gmmbench.mixture.gaussians import shapes
from gmmbench.mixture.nearest import NearestPixels
from gmmbench.mixture.projection import best_plane
from gmmbench.mixture.quantiles import LEVELS, counted, quantiles
from gmmbench.mixture.sample import UniformSample
from gmmbench.mixture.tally import Tally, against_others, log_volumes
from gmmbench.scores.gmm_lse import gmm_lse

SAMPLE_BYTES = 256 << 20
"""Most memory of the sampled features; where classes and channels are many, fewer are kept."""

SPREAD_LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Of the quantiles of a class's own log-density and margin."""

Arrays = dict[str, NDArray[np.generic]]


@dataclass(frozen=True)
class Budget:
    """How much is kept.

    Attributes:
        pixels: most pixels of a class that quantiles and the plane are made of.
        shown: most pixels of a class that are stored in the plane.
        patches: nearest pixels of a component.
        seed: of the sample.
    """

    pixels: int = 2_000
    shown: int = 200
    patches: int = 4
    seed: int = 0


@dataclass(frozen=True)
class Description:
    """Arrays as ``gmmbench.results.mixture`` describes them.

    Attributes:
        summary: all but the patches.
        patches: pieces of training images.
        images: seen.
    """

    summary: Arrays
    patches: Arrays
    images: int


def describe(
    predict: Predict,
    mixtures: ClassMixtures,
    images: ImageSet,
    classes: tuple[str, ...],
    *,
    budget: Budget,
    limit: int | None = None,
    progress: Progress | None = None,
) -> Description:
    """Describe the mixtures by the labelled pixels of a training split, each image predicted once.

    What is of classes and components is read at the features' resolution, labels brought there by nearest neighbour;
    log p(x) at the resolution of the labels, as the score ``gmm_lse`` gives it.

    Args:
        predict: gives a density and features.
        limit: at most so many images, the first ones.

    Raises:
        InputError: no labelled pixel at all, a label out of range, or a density that is not finite; names the image.
    """
    total, count = number_of(images, limit), len(classes)
    tally, counts = Tally(mixtures), ScoreCounts()
    near = NearestPixels(mixtures.started, budget.patches)
    sample: UniformSample | None = None
    for picture in read_ahead(images, total, progress):
        _check(picture, count)
        prediction = predict(picture.image)
        counted(counts, gmm_lse(prediction), picture.labels, picture.name)
        assert prediction.features is not None  # every model with a mixture has some
        places, labels = labelled(picture.labels, (prediction.features.shape[1], prediction.features.shape[2]))
        rows = prediction.features.flatten(1).t()[places.to(prediction.features.device)]
        features = mixtures.embed(rows)
        components = mixtures.components(features)
        if not torch.isfinite(components).all():
            raise InputError(f"image '{picture.name}': the model's density is not finite; is the checkpoint whole?")
        tally.add(components, labels.to(components.device))
        at = centres(places, (prediction.features.shape[1], prediction.features.shape[2]), picture.labels.shape)
        near.add(picture, components.cpu(), labels, at)
        if sample is None:
            most = SAMPLE_BYTES // (4 * count * max(1, features.shape[1]))
            capacity = max(1, min(budget.pixels, most))
            sample = UniformSample(count, capacity, torch.Generator().manual_seed(budget.seed))
        sample.add(features.cpu(), labels)
    if sample is None or not int(tally.pixels.sum()):
        raise InputError(f"no labelled pixel in {total} training images; wanted labels of the {count} classes")
    summary = {"classes": np.array(classes)} | tally.arrays() | _weights(mixtures) | _means(mixtures)
    summary |= _spreads(mixtures, *sample.read()) | _seen_in_plane(mixtures, sample, budget.shown)
    summary |= {"density_levels": np.array(LEVELS), "density_quantiles": quantiles(counts, LEVELS)}
    summary |= {"density_pixels": np.array(counts.pixels_in)}
    return Description(summary, near.arrays(), total)


def labelled(labels: NDArray[np.uint8], size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Where an image's labelled feature pixels lie, and their classes.

    Args:
        labels: (H, W) uint8.
        size: (h, w) of the features; each feature pixel has the label in its middle.

    Returns:
        (n,) int64 places in raster order of the features, and (n,) int64 labels.
    """
    at = centres(torch.arange(size[0] * size[1]), size, labels.shape)
    found = torch.from_numpy(labels).long()[at[:, 0], at[:, 1]]
    places = (found != IGNORE).nonzero().squeeze(1)
    return places, found[places]


def centres(places: Tensor, size: tuple[int, int], image: tuple[int, ...]) -> Tensor:
    """(n, 2) int64 rows and columns, in an image of (H, W), of the middles of feature pixels at (n,) ``places``."""
    (h, w), (height, width) = size, image[:2]
    rows, columns = places // w, places % w
    return torch.stack([(2 * rows + 1) * height // (2 * h), (2 * columns + 1) * width // (2 * w)], dim=1)


def _check(picture: Sample, classes: int) -> None:
    strange = (picture.labels >= classes) & (picture.labels != IGNORE)
    if strange.any():
        raise InputError(
            f"image '{picture.name}': label {int(picture.labels[strange].max())}, but the model has {classes} classes,"
            f" 0 to {classes - 1}; is this its training set?"
        )


def _weights(mixtures: ClassMixtures) -> Arrays:
    started = mixtures.started.cpu()
    none = torch.full(started.shape, torch.nan)
    weights = none if mixtures.weights is None else mixtures.weights.cpu()
    return {"started": started.numpy(), "weight": weights.double().numpy()}


def _means(mixtures: ClassMixtures) -> Arrays:
    """Distances between means: within a class, and to the nearest component of another one."""
    means, started = mixtures.means.double().cpu(), mixtures.started.cpu()
    classes, components = started.shape
    within = torch.cdist(means, means)
    both = started[:, :, None] & started[:, None, :]
    flat, there = means.flatten(0, 1), started.flatten()
    apart = torch.cdist(flat, flat)
    own = torch.arange(classes).repeat_interleave(components)
    apart[(own[:, None] == own[None, :]) | ~there[None, :] | ~there[:, None]] = torch.inf
    value, at = apart.min(dim=1)
    found = value.isfinite()
    other = torch.where(found, own[at], -1).view(classes, components)
    return {
        "mean_distance": torch.where(both, within, torch.nan).numpy(),
        "other_distance": torch.where(found, value, torch.nan).view(classes, components).numpy(),
        "other_class": other.numpy(),
    }


def _spreads(mixtures: ClassMixtures, features: Tensor, labels: Tensor) -> Arrays:
    """Quantiles of own log-density and margin, from the sample."""
    device, classes = mixtures.means.device, mixtures.classes
    parts = torch.split(features, 8192)
    density = torch.cat([mixtures.class_density(mixtures.components(part.to(device))).cpu() for part in parts])
    own, margin, _ = against_others(density, labels)
    found = np.full((2, classes, len(SPREAD_LEVELS)), np.nan)
    for c in torch.unique(labels).tolist():
        for row, values in enumerate((own, margin)):
            found[row, c] = np.quantile(values[labels == c].double().numpy(), SPREAD_LEVELS)
    return {"class_levels": np.array(SPREAD_LEVELS), "own_quantiles": found[0], "margin_quantiles": found[1]}


def _seen_in_plane(mixtures: ClassMixtures, sample: UniformSample, shown: int) -> Arrays:
    """The plane, what lies in it, and the size of the components."""
    plane = best_plane(*sample.read())
    points, labels = sample.read(shown)
    started = mixtures.started.cpu()
    spread, flat = shapes(mixtures.mixture.covariance, started.numel(), plane.axes)
    return {
        "spread": torch.where(started, spread.view_as(started), torch.nan).numpy(),
        "log_volume": torch.where(started, log_volumes(mixtures), torch.nan).numpy(),
        "plane_kind": np.array(plane.kind),
        "plane_centre": plane.centre.numpy(),
        "plane_axes": plane.axes.numpy(),
        "plane_between": plane.between.numpy(),
        "plane_accuracy": np.array(plane.accuracy),
        "plane_points": plane(points).float().numpy(),
        "plane_labels": labels.numpy(),
        "plane_means": torch.where(started[:, :, None], plane(mixtures.means), torch.nan).numpy(),
        "plane_covariances": flat.view(*started.shape, 2, 2).numpy(),
    }
