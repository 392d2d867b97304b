"""EM to convergence, held against scikit-learn and against what has a closed form."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.mixture import GaussianMixture
from torch import Tensor
from torch.nn import functional as F

from gmmbench.gmm.covariance import COVARIANCES
from gmmbench.gmm.fit import fit, mean_variance, seeded_shares
from gmmbench.gmm.mixture import Mixture

STRANGERS = {"diag": "diag", "full": "full", "tied": "tied"}


class EqualWeights(GaussianMixture):  # type: ignore[misc]
    """scikit-learn's EM for a mixture whose components weigh alike."""

    def _m_step(self, x: Any, log_resp: Any) -> None:
        super()._m_step(x, log_resp)
        self.weights_ = np.full(self.n_components, 1 / self.n_components)


def clouds(classes: int, number: int = 400, dim: int = 5, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Each class two crossing, skewed clouds; classes of different sizes, in no order."""
    generator = torch.Generator().manual_seed(seed)
    parts, labels = [], []
    for c in range(classes):
        size = number + 50 * c
        for _ in range(2):
            skew = 1.5 * torch.eye(dim) + 0.5 * torch.randn(dim, dim, generator=generator)
            parts.append(torch.randn(size, dim, generator=generator) @ skew + 3 * torch.randn(dim, generator=generator))
            labels.append(torch.full((size,), c))
    order = torch.randperm(sum(map(len, labels)), generator=generator)
    return torch.cat(parts)[order], torch.cat(labels)[order]


def mixture(classes: int, components: int, dim: int, covariance: str, floor: float = 1e-6, **options: Any) -> Mixture:
    if covariance == "full":
        options = {"prior": 0.0} | options
    return Mixture(classes, components, dim, covariance=covariance, unit=False, floor=floor, **options)


def shares(features: Tensor, labels: Tensor, classes: int, components: int, seed: int = 0) -> Tensor:
    return seeded_shares(features, labels, classes, components, torch.Generator().manual_seed(seed))


def stranger(features: Tensor, first: Tensor, covariance: str, components: int, *, steps: int) -> GaussianMixture:
    """``EqualWeights`` after so many steps from the same first shares."""
    model = EqualWeights(components, covariance_type=STRANGERS[covariance], reg_covar=1e-6)
    x = features.double().numpy()
    model._initialize(x, first.double().numpy())
    model.weights_ = np.full(components, 1 / components)
    for _ in range(steps - 1):
        _, log_resp = model._e_step(x)
        model._m_step(x, log_resp)
    return model


@pytest.mark.parametrize("covariance", STRANGERS)
@pytest.mark.parametrize("components", [1, 2, 4])
def test_likelihood_of_one_class_as_in_scikit_learn(covariance: str, components: int) -> None:
    features, labels = clouds(1)
    first = shares(features, labels, 1, components)
    ours = mixture(1, components, 5, covariance)
    history = fit(ours, features, labels, first, iterations=30, tolerance=0.0)
    for step in {1, 2, min(5, len(history)), len(history)}:
        if step <= len(history):
            theirs = stranger(features, first, covariance, components, steps=step)
            assert history[step - 1] == pytest.approx(theirs.score(features.double().numpy()), abs=2e-4)


@pytest.mark.parametrize("covariance", STRANGERS)
def test_one_component_is_the_closed_form(covariance: str) -> None:
    classes, dim = 3, 5
    features, labels = clouds(classes)
    ours = mixture(classes, 1, dim, covariance, floor=0.25)
    history = fit(ours, features, labels, shares(features, labels, classes, 1))
    assert len(history) <= 2
    rows = [features[labels == c].double() for c in range(classes)]
    whole = [torch.cov(x.t(), correction=0) for x in rows]
    if covariance == "tied":
        pooled = sum(len(x) * s for x, s in zip(rows, whole, strict=True)) / len(features)
        whole = [torch.as_tensor(pooled)] * classes
    if covariance == "diag":
        whole = [s.diagonal().diag() for s in whole]
    expected = [
        torch.distributions.MultivariateNormal(x.mean(dim=0), s + 0.25 * torch.eye(dim)).log_prob(features.double())
        for x, s in zip(rows, whole, strict=True)
    ]
    logs = ours(features)[:, :, 0].double()
    torch.testing.assert_close(logs, torch.stack(expected, dim=1), rtol=1e-4, atol=1e-3)
    own = torch.stack(expected, dim=1).gather(1, labels[:, None]).mean()
    assert history[-1] == pytest.approx(float(own), abs=1e-4)


@pytest.mark.parametrize("covariance", COVARIANCES)
@pytest.mark.parametrize("components", [1, 3])
@pytest.mark.parametrize("floor", [1e-6, 1.0])
def test_the_likelihood_never_falls_and_is_that_of_the_mixture(covariance: str, components: int, floor: float) -> None:
    classes = 4
    features, labels = clouds(classes)
    options = {"rank": 2} if covariance == "low_rank" else {"prior": 200.0} if covariance == "full" else {}
    ours = mixture(classes, components, 5, covariance, floor, **options)
    told: list[tuple[int, int]] = []
    history = fit(
        ours, features, labels, shares(features, labels, classes, components), tell=lambda *step: told.append(step)
    )
    assert all(after >= before for before, after in pairwise(history))
    assert told == [(number + 1, 100) for number in range(len(history))]
    assert ours.started.all()
    logs = ours(features)[torch.arange(len(labels)), labels]
    read = logs.logsumexp(dim=1).double() - np.log(components)
    assert history[-1] == pytest.approx(float(read.mean()), abs=1e-4)


def test_em_without_floor_and_prior_stops_because_it_stands() -> None:
    """Then no step has to be undone: the gain at the end is small, and a longer fit gains no more."""
    features, labels = clouds(2)
    first = shares(features, labels, 2, 2)
    history = fit(mixture(2, 2, 5, "full"), features, labels, first, iterations=200)
    assert 2 < len(history) < 200
    assert 0 <= history[-1] - history[-2] < 1e-3
    longer = fit(mixture(2, 2, 5, "full"), features, labels, first, iterations=len(history) + 5, tolerance=0.0)
    assert longer[: len(history)] == history


def test_order_of_features_changes_nothing() -> None:
    features, labels = clouds(3)
    first = shares(features, labels, 3, 2)
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(5))
    one, other = mixture(3, 2, 5, "full"), mixture(3, 2, 5, "full")
    a = fit(one, features, labels, first, iterations=4)
    b = fit(other, features[order], labels[order], first[order], iterations=4)
    assert a == pytest.approx(b, abs=1e-4)
    torch.testing.assert_close(one.means, other.means, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("covariance", ["full", "diag", "low_rank"])
def test_a_class_is_fitted_as_if_alone(covariance: str) -> None:
    features, labels = clouds(3)
    first = shares(features, labels, 3, 2)
    options = {"rank": 2} if covariance == "low_rank" else {}
    together, alone = (mixture(classes, 2, 5, covariance, **options) for classes in (3, 1))
    fit(together, features, labels, first, iterations=6, tolerance=-1.0)
    mine = labels == 1
    fit(alone, features[mine], labels[mine] * 0, first[mine], iterations=6, tolerance=-1.0)
    torch.testing.assert_close(together.means[1], alone.means[0], rtol=1e-3, atol=1e-3)


def test_absent_classes_stay_as_they_are() -> None:
    features, labels = clouds(2)
    ours = mixture(4, 2, 5, "full")
    history = fit(ours, features, labels * 2, shares(features, labels * 2, 4, 2))
    assert np.isfinite(history).all()
    assert ours.started.tolist() == [[True, True], [False, False]] * 2
    assert not ours.means[1].any()


def test_seeded_shares() -> None:
    features, labels = clouds(3)
    first = shares(features, labels, 3, 4)
    assert first.shape == (len(features), 4)
    assert torch.equal(first.sum(dim=1), torch.ones(len(features)))
    assert set(first.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(first, shares(features, labels, 3, 4))
    assert not torch.equal(first, shares(features, labels, 3, 4, seed=1))
    for c in range(3):
        assert (first[labels == c].sum(dim=0) > 0).all()


def test_mean_variance() -> None:
    features, labels = clouds(3)
    within = [features[labels == c].double() for c in range(3)]
    expected = sum(((x - x.mean(dim=0)) ** 2).sum() for x in within) / features.numel()
    assert mean_variance(features, labels, 3) == pytest.approx(float(expected), rel=1e-5)
    assert mean_variance(F.one_hot(labels).float(), labels, 3) == pytest.approx(0, abs=1e-9)
