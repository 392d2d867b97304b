"""Log-density of a mixture of Gaussians fitted to a trained model's features."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional as F

from gmmbench.errors import InputError, unknown_name
from gmmbench.gmm.covariance import COVARIANCES
from gmmbench.gmm.fit import fit as fit_mixture
from gmmbench.gmm.fit import mean_variance, seeded_shares
from gmmbench.gmm.mixture import Mixture
from gmmbench.prediction import Prediction
from gmmbench.scores.columns import columns_of, unit_columns
from gmmbench.scores.gaussian import squares_of_own
from gmmbench.scores.raster import score_of_rows
from gmmbench.scores.training_pixels import State, TrainingPixels


def fit(
    pixels: TrainingPixels,
    *,
    covariance: str = "full",
    components: int = 1,
    unit: bool = True,
    floor: float = 0.1,
    seed: int = 0,
) -> State:
    """A mixture a class by EM, from k-means++ centres until the likelihood stands; the model stays as it is.

    What ``gmmbench fit-gmm`` does, with its defaults, on these pixels.

    Args:
        covariance: a name of ``COVARIANCES``. Of "full" ones, each is drawn towards the pooled one as by 200
            imaginary pixels, so that a class of one pixel has the pooled covariance.
        components: M, Gaussians a class.
        unit: bring features to unit length first.
        floor: added to all variances, as a share of the features' mean variance within classes.
        seed: of k-means++.

    Returns:
        The mixture's buffers, of the K classes that have pixels.

    Raises:
        InputError: an option is out of range, or features do not vary within classes.
    """
    if covariance not in COVARIANCES:
        raise unknown_name("covariance", covariance, COVARIANCES)
    if components < 1 or not floor > 0:
        raise InputError(f"gmm_posthoc@components={components}@floor={floor}: wanted at least 1, and more than 0")
    if unit:
        pixels = replace(pixels, features=F.normalize(pixels.features, dim=1))
    present, labels = torch.unique(pixels.labels, return_inverse=True)  # type: ignore[no-untyped-call]
    classes = len(present)
    scale = mean_variance(pixels.features, labels, classes)
    # Rounding alone makes equal features vary by up to 1e-12 of their square.
    if not scale > 1e-10 * float(pixels.features.square().mean()):
        raise InputError("gmm_posthoc: the training features do not vary within classes; is the model trained?")
    dim = pixels.features.shape[1]
    try:
        mixture = Mixture(classes, components, dim, covariance=covariance, unit=False, floor=floor * scale)
    except ValueError as error:  # a rank as large as the features have channels
        raise InputError(f"gmm_posthoc@covariance={covariance}: {error}") from error
    generator = torch.Generator().manual_seed(seed)
    shares = seeded_shares(pixels.features, labels, classes, components, generator)
    fit_mixture(mixture, pixels.features, labels, shares)
    return mixture.state_dict()


def gmm_posthoc(p: Prediction, state: State, *, covariance: str = "full", unit: bool = True) -> Tensor:
    """-log 1/K sum_c p(f | c), a mixture of Gaussians a class, uniform priors, (H, W) float32 in nats.

    The density of GMMSeg (Liang et al. 2022, arXiv 2210.02025) on features that were trained without it; with one
    Gaussian a class, that of Lee et al. 2018 (arXiv 1807.03888). The K classes are those with training pixels.
    ``--gmm`` gives the same to the scores of the density, from a sample that is balanced over classes.

    Args:
        state: what ``fit`` gave with the same ``covariance`` and ``unit``.

    Computed at the features' resolution. Raises InputError where the model gives no features.
    """
    x, started = columns_of(p), state["started"]
    x = unit_columns(x) if unit else x
    # log 1/K 1/M_c of each Gaussian; those that EM never gave a pixel are no part of their class.
    weights = torch.where(started, -(started.sum(dim=1, keepdim=True) * len(started)).log(), -torch.inf).flatten()
    scores = x.new_empty(x.shape[1])
    for some, logs in _full(x, state) if covariance == "full" else _any(x, state, covariance):
        scores[some] = -(logs + weights[:, None]).logsumexp(dim=0)
    return score_of_rows(scores, p)


def _full(x: Tensor, state: State) -> Iterator[tuple[slice, Tensor]]:
    """Which columns of (D, N) ``x``, and their (G, n) log-densities: as the mixture's, in less than its time."""
    whites, means = state["covariance.whitening"], state["means"].flatten(0, 1)
    centre = means.mean(dim=0)
    norm = whites.diagonal(dim1=1, dim2=2).log().sum(dim=1) - 0.5 * len(x) * math.log(2 * math.pi)
    shifts = (whites @ (means - centre)[:, :, None]).squeeze(2)
    for some, squares in squares_of_own(x, centre, whites, shifts):
        yield some, norm[:, None] - 0.5 * squares


def _any(x: Tensor, state: State, covariance: str) -> Iterator[tuple[slice, Tensor]]:
    """As ``_full``, of any covariance."""
    yield slice(None), mixture_of(state, covariance)(x.t()).flatten(1).t()


def mixture_of(state: State, covariance: str) -> Mixture:
    """The mixture of a state, on the state's own memory."""
    classes, components, dim = state["means"].shape
    with torch.device("meta"):
        mixture = Mixture(classes, components, dim, covariance=covariance, unit=False, floor=0.0)
    mixture.load_state_dict(state, assign=True)
    return mixture
