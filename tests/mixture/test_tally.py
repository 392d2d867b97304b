"""Sums against a loop over single pixels."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal

from gmmbench.mixture import ClassMixtures
from gmmbench.mixture.gaussians import factor
from gmmbench.mixture.tally import Tally, against_others, effective_number

CLASSES, COMPONENTS = 3, 2
Make = Callable[..., ClassMixtures]


@pytest.mark.parametrize("best", [False, True])
def test_against_a_loop(make: Make, features: tuple[Tensor, Tensor], best: bool) -> None:
    mixtures = make("full", best=best)
    x, labels = features
    x = x + 1.5 * torch.randn(x.shape, generator=torch.Generator().manual_seed(5))  # so that classes overlap
    tally = Tally(mixtures)
    for part in (slice(0, 100), slice(100, 600)):
        tally.add(mixtures.components(x[part]), labels[part])
    found = tally.arrays()

    sigma = [factor(mixtures.mixture.covariance, g) for g in range(6)]
    sigma = [root @ root.t() for root in sigma]
    means = mixtures.means.flatten(0, 1).double()
    gaussians = [MultivariateNormal(means[g], sigma[g], validate_args=False) for g in range(6)]
    logs = torch.stack([g.log_prob(x.double()) for g in gaussians], dim=1)  # type: ignore[no-untyped-call]
    logs = logs.view(600, CLASSES, COMPONENTS)
    for c in range(CLASSES):
        share, squares, own, margin, beaten = np.zeros(2), np.zeros(2), [], [], 0
        rivals = [0] * CLASSES
        for n in np.flatnonzero(labels.numpy() == c):
            p = logs[n].exp().numpy()
            density = [float(np.log(q.max() if best else q.mean())) for q in p]
            responsibility = p[c] / p[c].sum()
            share += responsibility
            for m in range(2):
                left = x[n].double() - means[2 * c + m]
                squares[m] += responsibility[m] * float(left @ torch.linalg.inv(sigma[2 * c + m]) @ left) / x.shape[1]
            others = {d: density[d] for d in range(CLASSES) if d != c}
            rival = max(others, key=lambda d: others[d])
            rivals[rival] += 1
            own.append(density[c])
            margin.append(density[c] - others[rival])
            beaten += density[c] < others[rival]
        assert found["pixels"][c] == 200
        assert found["share"][c] == pytest.approx(share / 200, abs=1e-4)
        assert found["distance"][c] == pytest.approx(squares / share, rel=1e-3)
        assert found["own_mean"][c] == pytest.approx(np.mean(own), abs=1e-3)
        assert found["margin_mean"][c] == pytest.approx(np.mean(margin), abs=1e-3)
        assert found["beaten"][c] == beaten / 200
        assert 0 < beaten < 200
        assert found["next_class"][c] == int(np.argmax(rivals))
        assert found["next_share"][c] == max(rivals) / 200


def test_undefined_is_nan(make: Make, features: tuple[Tensor, Tensor]) -> None:
    mixtures = make()
    mixtures.mixture.started[1] = False
    tally = Tally(mixtures)
    x, labels = features[0][:300], features[1][:300]
    seen = labels != 2  # no pixel of class 2, none to describe class 1 by
    tally.add(mixtures.components(x[seen]), labels[seen])
    found = tally.arrays()
    assert found["pixels"].tolist() == [100, 100, 0]
    assert np.isfinite(found["own_mean"]).tolist() == [True, False, False]
    assert np.isfinite(found["share"]).all(axis=1).tolist() == [True, False, False]
    assert np.isfinite(found["effective"]).tolist() == [True, False, False]
    assert found["dead"].sum() == 0
    assert found["next_class"].tolist()[0] == 2
    assert found["next_class"].tolist()[2] == -1


def test_margins_by_hand() -> None:
    density = torch.tensor([[1.0, 3.0, 2.0], [-torch.inf, 0.0, 5.0]])
    own, margin, other = against_others(density, torch.tensor([1, 0]))
    assert own[0] == 3
    assert margin[0] == 1
    assert other.tolist() == [2, 2]
    assert own[1].isnan()
    assert margin[1].isnan()


def test_effective_number() -> None:
    shares = torch.tensor([[0.25] * 4, [1, 0, 0, 0], [0.5, 0.5, 0, 0], [math.nan] * 4], dtype=torch.float64)
    assert effective_number(shares)[:3].tolist() == pytest.approx([4, 1, 2])
    assert effective_number(shares)[3].isnan()
