"""The post-hoc mixture's density against scipy and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.special import logsumexp
from scipy.stats import multivariate_normal
from sklearn.mixture import GaussianMixture
from torch.nn import functional as F

from gmmbench.errors import InputError
from gmmbench.gmm.covariance import COVARIANCES
from gmmbench.prediction import Prediction
from gmmbench.scores import gmm_posthoc
from gmmbench.scores.training_pixels import State, TrainingPixels

DIM = 10


def training(classes: int = 3, number: int = 900) -> TrainingPixels:
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(classes, (number,), generator=generator)
    bump = torch.randint(2, (number, 1), generator=generator)
    centres = 2 * torch.randn(classes, DIM, generator=generator)
    features = centres[labels] + 2 * bump + torch.randn(number, DIM, generator=generator)
    return TrainingPixels(features, torch.zeros(number, classes), labels)


def asked() -> Prediction:
    return Prediction(
        torch.zeros(3, 4, 6), features=3 * torch.randn(DIM, 4, 6, generator=torch.Generator().manual_seed(1))
    )


def embedded(p: Prediction, *, unit: bool) -> torch.Tensor:
    assert p.features is not None
    rows = p.features.flatten(1).t()
    return F.normalize(rows, dim=1) if unit else rows


def covariances(state: State, covariance: str) -> NDArray[np.float64]:
    """(C, M, D, D), out of what each kind keeps."""
    shape = (*state["means"].shape[:2], DIM, DIM)
    if covariance in ("full", "tied"):
        white = state["covariance.whitening"].double()
        return np.asarray(
            torch.linalg.inv(white.transpose(-1, -2) @ white)
            .expand(shape[0] * shape[1], DIM, DIM)
            .reshape(shape)
            .numpy()
        )
    found = torch.diag_embed(state["covariance.variances"].double())
    if covariance == "low_rank":
        loadings = state["covariance.loadings"].double()
        found = found + loadings @ loadings.transpose(1, 2)
    return np.asarray(found.reshape(shape).numpy())


@pytest.mark.parametrize("covariance", COVARIANCES)
@pytest.mark.parametrize(("components", "unit"), [(1, True), (1, False), (2, True)])
def test_against_scipy(covariance: str, components: int, unit: bool) -> None:
    state = gmm_posthoc.fit(training(), covariance=covariance, components=components, unit=unit)
    ours = gmm_posthoc.gmm_posthoc(asked(), state, covariance=covariance, unit=unit)
    x, means = embedded(asked(), unit=unit).double().numpy(), state["means"].double().numpy()
    spreads = covariances(state, covariance)
    logs = [[multivariate_normal(means[c, m], spreads[c, m]).logpdf(x) for m in range(components)] for c in range(3)]
    density = logsumexp(np.array(logs) - np.log(components), axis=1)
    assert ours.shape == (4, 6)
    assert ours.dtype == torch.float32
    np.testing.assert_allclose(ours.flatten().numpy(), np.log(3) - logsumexp(density, axis=0), rtol=1e-4, atol=1e-4)


def test_against_scikit_learn() -> None:
    state = gmm_posthoc.fit(training())
    sklearn = GaussianMixture(3, covariance_type="full")
    sklearn.weights_ = np.full(3, 1 / 3)
    sklearn.means_ = state["means"][:, 0].double().numpy()
    sklearn.precisions_cholesky_ = state["covariance.whitening"].double().transpose(1, 2).numpy()
    ours = gmm_posthoc.gmm_posthoc(asked(), state).flatten().numpy()
    np.testing.assert_allclose(-ours, sklearn.score_samples(embedded(asked(), unit=True).double().numpy()), rtol=1e-4)


def test_the_mean_and_covariance_are_the_classes_own() -> None:
    pixels = training()
    state = gmm_posthoc.fit(pixels, floor=1e-6, unit=False)
    for c in range(3):
        mine = pixels.features[pixels.labels == c].double()
        torch.testing.assert_close(state["means"][c, 0].double(), mine.mean(dim=0), rtol=1e-4, atol=1e-4)
    # Drawn towards the pooled one by 200 pixels, and all are of one kind here.
    own = covariances(state, "full")[0, 0]
    np.testing.assert_allclose(own, np.cov(pixels.features[pixels.labels == 0].T), atol=0.35)


def test_the_floor_is_a_share_of_the_mean_variance() -> None:
    pixels = training()
    states = [gmm_posthoc.fit(pixels, covariance="diag", unit=False, floor=floor) for floor in (0.1, 0.3)]
    low, high = (state["covariance.variances"] for state in states)
    off = torch.cat([x - x.mean(dim=0) for x in (pixels.features[pixels.labels == c] for c in range(3))])
    torch.testing.assert_close(high - low, torch.full_like(low, 0.2 * float(off.square().mean())), rtol=1e-3, atol=0)


@pytest.mark.parametrize("covariance", COVARIANCES)
def test_classes_with_one_pixel_or_none(covariance: str) -> None:
    pixels = training()
    labels = torch.where(pixels.labels < 2, 5, pixels.labels)
    labels[0] = 0
    state = gmm_posthoc.fit(TrainingPixels(pixels.features, pixels.logits, labels), covariance=covariance, components=2)
    assert state["means"].shape[0] == 3  # 0, 2 and 5
    assert state["started"].sum(dim=1).tolist()[0] == 1
    assert gmm_posthoc.gmm_posthoc(asked(), state, covariance=covariance).isfinite().all()


def test_components_that_got_nothing_have_no_weight() -> None:
    two = torch.tensor([[0.0] * DIM, [1.0] * DIM])  # one distinct feature a class: k-means++ finds one centre
    features = two.repeat(20, 1) + torch.cat([torch.zeros(20, DIM), torch.eye(DIM).repeat(2, 1)])
    labels = torch.tensor([0, 1]).repeat(20)
    features[labels == 0] = 0.5
    pixels = TrainingPixels(features, torch.zeros(40, 2), labels)
    once, twice = (gmm_posthoc.fit(pixels, components=m, unit=False) for m in (1, 2))
    assert twice["started"][0].tolist() == [True, False]
    # The second class's second component goes too: then both mixtures are one Gaussian a class.
    twice["started"][1] = once["started"][1]
    twice["started"][1, 1] = False
    twice["means"][1, 0], twice["covariance.whitening"] = (
        once["means"][1, 0],
        once["covariance.whitening"].repeat_interleave(2, 0),
    )
    ours, wanted = (gmm_posthoc.gmm_posthoc(asked(), state, unit=False) for state in (twice, once))
    torch.testing.assert_close(ours, wanted)


def test_a_constant_channel_stays_finite() -> None:
    pixels = training()
    pixels.features[:, 4] = 1
    for covariance in COVARIANCES:
        state = gmm_posthoc.fit(pixels, covariance=covariance, unit=False)
        assert gmm_posthoc.gmm_posthoc(asked(), state, covariance=covariance, unit=False).isfinite().all()


def test_the_seed_decides() -> None:
    first, again = (gmm_posthoc.fit(training(), components=3, seed=4) for _ in range(2))
    assert all(torch.equal(first[key], again[key]) for key in first)


def test_refusals() -> None:
    pixels = training()
    with pytest.raises(InputError, match="unknown covariance 'ful'"):
        gmm_posthoc.fit(pixels, covariance="ful")
    for options in ({"components": 0}, {"floor": 0.0}):
        with pytest.raises(InputError, match="wanted at least 1"):
            gmm_posthoc.fit(pixels, **options)
    same = TrainingPixels(torch.ones_like(pixels.features), pixels.logits, pixels.labels)
    with pytest.raises(InputError, match="do not vary"):
        gmm_posthoc.fit(same)
    few = TrainingPixels(pixels.features[:, :4], pixels.logits, pixels.labels)
    with pytest.raises(InputError, match=r"low_rank: rank 8"):
        gmm_posthoc.fit(few, covariance="low_rank")
    with pytest.raises(InputError, match="needs features"):
        gmm_posthoc.gmm_posthoc(Prediction(torch.zeros(3, 4, 6)), gmm_posthoc.fit(pixels))
