"""What the mixtures of a model learnt, on disk: RUN/mixture/, replaced whole.

``summary.npz``, of C classes of M components (Gaussians) of D channels; log-densities in nats; NaN where undefined:

    classes            (C,) str
    started            (C, M) bool: the component was given pixels in training, and has a density
    weight             (C, M) of the component in its class's density; NaN where that is its likeliest component's
    share              (C, M) mean responsibility for the class's training pixels
    dead               (C, M) bool: share below 0.001
    spread             (C, M) sqrt(trace(Sigma) / D), in units of the features
    log_volume         (C, M) log |Sigma| / D
    distance           (C, M) mean squared Mahalanobis distance over D of the pixels it answers for: 1 where it is as
                       wide as they are spread, less where it is wider
    mean_distance      (C, M, M) Euclidean, between the means of the class's components
    other_distance     (C, M) to the nearest mean of another class, and other_class (C, M) int64, whose; -1: none
    effective          (C,) exp(entropy of share): how many components the class uses
    pixels             (C,) int64, labelled training pixels at the features' resolution
    own_mean           (C,) mean log p(x | own class) of the class's pixels
    margin_mean        (C,) mean of that less the best other class's
    beaten             (C,) share of the class's pixels for which the best other class is the likelier one
    next_class         (C,) int64, most often the best other class, and next_share (C,), how often; -1: no pixel
    class_levels       (L,) own_quantiles, margin_quantiles (C, L): of own log-density and margin, of sampled pixels
    density_levels     (Q,) shares of the labelled training pixels, at the resolution of the labels
    density_quantiles  (Q,) ascending log p(x) = -gmm_lse that so many of them lie at or below. Edges of the bins of
                       ``ScoreCounts``: exactly those pixels have a bin whose lower edge is -quantile or more
    density_pixels     () int64, how many they were
    test_levels_below  (Q,) share of the labelled pixels of another split of the closed set at or below each quantile,
                       test_pixels () int64; neither is there where no such split was looked at
    plane_kind         () str, "Fisher", "pairs" or "PCA", see ``gmmbench.mixture.projection``
    plane_centre       (D,), and plane_axes (2, D): a feature x lies at ``plane_axes (x - plane_centre)``
    plane_between      (2,) share of the class means' variance along each axis
    plane_accuracy     () share of sampled pixels that lie nearest to their own class in the plane; classes alike
    plane_points       (n, 2) float32 of some of them, and plane_labels (n,) int64
    plane_means        (C, M, 2), and plane_covariances (C, M, 2, 2) of the components

``patches.npz``, the K training pixels of its class that each component finds likeliest, at most one an image:

    patches            (C, M, K, 64, 64, 3) uint8 RGB, the pixel in the middle
    patch_log_prob     (C, M, K) under the component alone; NaN where there is no such pixel
    patch_images       (C, M, K) str; patch_places (C, M, K, 2) int64, row and column in the image; -1: none

``about.json``: config, checkpoint and their SHA-256, split, images seen of total, seed, code version, command.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gmmbench.atomic import complaining_of, write_text
from gmmbench.errors import InputError
from gmmbench.results.arrays import DAMAGE, Arrays, save_arrays

MIXTURE = "mixture"
SUMMARY, PATCHES, ABOUT = "summary.npz", "patches.npz", "about.json"
REMEDY = "run 'gmmbench inspect' again with the same --out"


@dataclass(frozen=True)
class MixtureStaging:
    """A folder beside the place of a mixture's, gone when its block ends, unless ``commit`` moved it there."""

    run: Path
    here: Path

    def commit(self, summary: Arrays, patches: Arrays, about: Mapping[str, Any]) -> None:
        """Write all, and put it in the place of an earlier one."""
        fresh, old = self.here / MIXTURE, self.here / "old"
        save_arrays(fresh / SUMMARY, summary)
        save_arrays(fresh / PATCHES, patches)
        write_text(fresh / ABOUT, json.dumps(about, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
        place = self.run / MIXTURE
        with complaining_of(place):
            if place.exists():
                place.rename(old)
            fresh.rename(place)


@contextmanager
def mixture_staging(run: Path) -> Iterator[MixtureStaging]:
    """Where to put what a mixture learnt. Raises InputError where ``run`` cannot be written or its disk is full."""
    made = [folder for folder in (run, *run.parents) if not folder.exists()]
    try:
        with complaining_of(run):
            run.mkdir(parents=True, exist_ok=True)
            here = tempfile.TemporaryDirectory(dir=run, prefix=".inspecting-")
        with here:
            yield MixtureStaging(run, Path(here.name))
    finally:
        for folder in made:
            with suppress(OSError):  # it holds something by now
                folder.rmdir()


def load_mixture(run: Path) -> dict[str, NDArray[Any]] | None:
    """The arrays of ``summary.npz``; ``None`` where no mixture was inspected. Raises InputError on damage."""
    return _arrays(run / MIXTURE / SUMMARY) if (run / MIXTURE).is_dir() else None


def load_patches(run: Path) -> dict[str, NDArray[Any]]:
    """The arrays of ``patches.npz``. Raises InputError where they are missing or damaged."""
    return _arrays(run / MIXTURE / PATCHES)


def load_about(run: Path) -> dict[str, Any]:
    """``about.json``. Raises InputError where it is missing or damaged."""
    file = run / MIXTURE / ABOUT
    try:
        about = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{file} is missing or damaged ({error}); {REMEDY}") from error
    if not isinstance(about, dict):
        raise InputError(f"{file} holds no record; {REMEDY}")
    return about


def _arrays(file: Path) -> dict[str, NDArray[Any]]:
    try:
        with file.open("rb") as opened, np.load(opened, allow_pickle=False) as archive:
            return dict(archive)
    except DAMAGE as error:
        raise InputError(f"{file} is missing or damaged ({error}); {REMEDY}") from error
