"""Fits of covariances: numpy, scikit-learn's factor analysis, and that the likelihood never falls."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.decomposition import FactorAnalysis
from torch import Tensor

from gmmbench.gmm.covariance import COVARIANCES, Diagonal, Full, LowRank, Tied, factor_step, principal_factors
from gmmbench.gmm.moments import Moments, gather_moments

DIM = 6
SIZES = (40, 1, 300, 12)
"""Features of each group; the third's are more than any prior."""


def draw(number: int = 0) -> list[Tensor]:
    """(n, DIM) features of each group, correlated and of unequal width."""
    generator = torch.Generator().manual_seed(number)
    return [
        torch.randn(n, DIM, generator=generator) @ torch.randn(DIM, DIM, generator=generator) + 3 * group
        for group, n in enumerate(SIZES)
    ]


def moments_of(features: list[Tensor], *, joint: bool) -> Moments:
    labels = torch.repeat_interleave(torch.arange(len(features)), torch.tensor([len(x) for x in features]))
    rows = torch.cat(features)
    return gather_moments(rows, torch.ones(len(rows), 1), labels, len(features), joint=joint)


def numpy_covariances(features: list[Tensor]) -> NDArray[np.float64]:
    return np.array([np.cov(x.double().numpy(), rowvar=False, ddof=0) for x in features])


def numpy_pooled(features: list[Tensor]) -> NDArray[np.float64]:
    return np.average(numpy_covariances(features), axis=0, weights=SIZES)


def covariance_of(whitening: Tensor) -> NDArray[np.float64]:
    """From inverse Cholesky factors back."""
    factor = np.linalg.inv(whitening.double().numpy())
    return factor @ np.swapaxes(factor, -1, -2)


def fitted(covariance: Diagonal | Full | Tied | LowRank, features: list[Tensor], chosen: Tensor | None = None) -> None:
    moments = moments_of(features, joint=covariance.joint)
    covariance.fit(moments.spread, moments.weight, torch.ones(len(SIZES)).bool() if chosen is None else chosen)


def assert_near(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> None:
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)


def test_diagonal() -> None:
    features = draw()
    diagonal = Diagonal(4, DIM, floor=0.3)
    fitted(diagonal, features)
    wanted = np.array([x.double().numpy().var(axis=0) + 0.3 for x in features])
    assert_near(diagonal.variances.double().numpy(), wanted)
    assert (diagonal.variances[1] == torch.tensor(0.3)).all()  # one feature has no spread


def test_momentum_is_of_the_deviations() -> None:
    features = draw()
    diagonal = Diagonal(4, DIM, floor=0.3, momentum=0.8)
    diagonal.variances.fill_(4.0)
    fitted(diagonal, features)
    fresh = np.array([np.sqrt(x.double().numpy().var(axis=0) + 0.3) for x in features])
    assert_near(diagonal.variances.double().sqrt().numpy(), 0.8 * 2 + 0.2 * fresh)


@pytest.mark.parametrize("prior", [0.0, 5.0, 200.0])
@pytest.mark.parametrize("floor", [0.01, 1.0])
def test_full_with_floor_and_prior(floor: float, prior: float) -> None:
    features = draw()
    full = Full(4, DIM, floor=floor, prior=prior)
    fitted(full, features)
    own, pooled = numpy_covariances(features), numpy_pooled(features)
    share = (prior / (np.array(SIZES) + prior))[:, None, None]
    assert_near(covariance_of(full.whitening), (1 - share) * own + share * pooled + floor * np.eye(DIM))
    assert torch.equal(full.whitening, full.whitening.tril())


def test_a_component_of_one_pixel_has_the_pooled_covariance() -> None:
    features = draw()
    full = Full(4, DIM, floor=0.01, prior=200.0)
    fitted(full, features)
    np.testing.assert_allclose(covariance_of(full.whitening)[1], numpy_pooled(features), rtol=0.02, atol=0.02)


def test_tied_is_pooled() -> None:
    features = draw()
    tied = Tied(4, DIM, floor=0.01)
    fitted(tied, features)
    assert_near(covariance_of(tied.whitening), numpy_pooled(features) + 0.01 * np.eye(DIM))


@pytest.mark.parametrize("name", ["diag", "full", "low_rank"])
def test_groups_not_chosen_keep_theirs(name: str) -> None:
    rank = {"rank": 2} if name == "low_rank" else {}
    covariance = COVARIANCES[name](4, DIM, floor=0.01, **rank)
    fitted(covariance, draw(0))
    before = {key: value.clone() for key, value in covariance.state_dict().items()}
    fitted(covariance, draw(1), torch.tensor([False, False, True, False]))
    for key, value in covariance.state_dict().items():
        same = (value == before[key]).flatten(1).all(dim=1)
        assert same.tolist() == [True, True, False, True], key
    fitted(covariance, draw(2), torch.zeros(4).bool())  # and none at all


# --- factor analysis ---


@pytest.mark.parametrize("number", range(3))
def test_low_rank_is_as_likely_as_scikit_learn_makes_it(number: int) -> None:
    generator = torch.Generator().manual_seed(number)
    loadings = torch.randn(12, 3, generator=generator)
    noise = (0.2 + torch.rand(12, generator=generator)).sqrt()
    x = torch.randn(800, 3, generator=generator) @ loadings.t() + noise * torch.randn(800, 12, generator=generator)
    moments = gather_moments(x, torch.ones(800, 1), torch.zeros(800, dtype=torch.int64), 1, joint=True)
    low_rank = LowRank(1, 12, floor=1e-6, rank=3, iterations=300)
    low_rank.fit(moments.spread, moments.weight, torch.ones(1).bool())
    ours = float(low_rank.log_prob(x, moments.mean).double().mean())
    wide = x.double().numpy()
    theirs = FactorAnalysis(3, tol=1e-9, max_iter=5000, svd_method="lapack").fit(wide).score(wide)
    assert ours == pytest.approx(theirs, abs=1e-3)
    # Three iterations a fit go on from the last: a hundred fits get there as well.
    stepwise = LowRank(1, 12, floor=1e-6, rank=3)
    for _ in range(100):
        stepwise.fit(moments.spread, moments.weight, torch.ones(1).bool())
    assert float(stepwise.log_prob(x, moments.mean).double().mean()) == pytest.approx(theirs, abs=1e-3)


def expected_likelihood(covariance: Tensor, loadings: Tensor, variances: Tensor) -> Tensor:
    """(G,) mean log-likelihood, but for a constant, of features with these covariances."""
    model = loadings @ loadings.transpose(1, 2) + torch.diag_embed(variances)
    return -0.5 * (torch.logdet(model) + torch.linalg.solve(model, covariance).diagonal(dim1=1, dim2=2).sum(dim=1))


@pytest.mark.parametrize("floor", [1e-6, 0.5])
@pytest.mark.parametrize("rank", [1, 3, DIM - 1])
def test_likelihood_never_falls_over_a_factor_step(rank: int, floor: float) -> None:
    covariance = torch.stack([torch.from_numpy(np.cov(x.double().numpy(), rowvar=False)) for x in draw()[2:]])
    least = torch.full((2,), floor, dtype=torch.float64)
    start = torch.randn(2, DIM, rank, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for loadings, variances in (
        (start, 1 + torch.ones(2, DIM, dtype=torch.float64)),
        principal_factors(covariance, rank, least),
    ):
        before = expected_likelihood(covariance, loadings, variances)
        first = before
        for _ in range(30):
            loadings, variances = factor_step(covariance, loadings, variances, least)
            after = expected_likelihood(covariance, loadings, variances)
            assert (after >= before - 1e-9).all()
            assert variances.min() >= floor
            before = after
        assert (after > first + 1e-3).all() or rank == DIM - 1


def test_principal_factors_explain_the_widest_directions() -> None:
    covariance = torch.diag(torch.tensor([9.0, 4.0, 1.0, 1.0]))[None]
    loadings, variances = principal_factors(covariance, 2, torch.tensor([0.01]))
    model = loadings @ loadings.transpose(1, 2) + torch.diag_embed(variances)
    torch.testing.assert_close(model, covariance)


@pytest.mark.parametrize("rank", [0, DIM, DIM + 2])
def test_rank_must_be_less_than_the_dimensions(rank: int) -> None:
    with pytest.raises(ValueError, match=f"rank {rank} of a low-rank covariance; it must be 1 to {DIM - 1}"):
        LowRank(4, DIM, floor=0.01, rank=rank)


# --- what no covariance may break on ---


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e4, 1e6])
@pytest.mark.parametrize("name", list(COVARIANCES))
def test_fewer_features_than_dimensions_at_any_scale(name: str, scale: float) -> None:
    # A singular matrix, rounded, has eigenvalues below zero: at scale 1e4 far more than a floor of 0.01 lifts.
    x = scale * torch.randn(9, 64, generator=torch.Generator().manual_seed(0))
    moments = gather_moments(x, torch.ones(9, 1), torch.zeros(9, dtype=torch.int64), 1, joint=name != "diag")
    covariance = COVARIANCES[name](1, 64, floor=0.01)
    for _ in range(3):
        covariance.fit(moments.spread, moments.weight, torch.ones(1).bool())
        assert covariance.log_prob(x, moments.mean).isfinite().all()
        assert all(buffer.isfinite().all() for buffer in covariance.buffers())
