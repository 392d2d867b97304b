"""The E-step and the M-step: a naive loop over classes, laws and degenerate inputs."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from gmmbench.gmm.density import log_prob
from gmmbench.gmm.em import m_step, seed, sinkhorn
from gmmbench.gmm.moments import Moments, gather_moments


def chance(number: int) -> torch.Generator:
    return torch.Generator().manual_seed(number)


def random_logs(pixels: int, components: int, number: int = 0, spread: float = 5.0) -> Tensor:
    """(N, M) log-densities in nats."""
    return spread * torch.randn(pixels, components, generator=chance(number))


def of_one_class(logs: Tensor, *, temperature: float = 1.0, relative: bool = False, iterations: int = 3) -> Tensor:
    labels = torch.zeros(len(logs), dtype=torch.int64)
    return sinkhorn(logs, labels, 1, temperature=temperature, relative=relative, iterations=iterations)


def naive_sinkhorn(logs: Tensor, temperature: float, relative: bool, iterations: int) -> NDArray[np.float64]:
    """Of one class, in the probability domain as the released GMMSeg has it: (N, M) responsibilities."""
    wide = logs.double().numpy()
    q = np.exp(wide / (temperature * (np.abs(wide).max() if relative else 1.0))).T
    components, pixels = q.shape
    for _ in range(iterations):
        q = q / q.sum(axis=1, keepdims=True) / components
        q = q / q.sum(axis=0, keepdims=True) / pixels
    return (q / q.sum(axis=0)).T


# --- Sinkhorn ---


@pytest.mark.parametrize("iterations", [0, 1, 3, 20])
@pytest.mark.parametrize(("temperature", "relative"), [(0.05, True), (1.0, True), (1.0, False), (10.0, False)])
def test_all_classes_at_once_equal_a_loop(temperature: float, relative: bool, iterations: int) -> None:
    logs = random_logs(300, 4)
    labels = torch.randint(0, 6, (300,), generator=chance(1))
    labels[labels == 2] = 3  # a class without pixels
    labels[labels == 5] = 3
    labels[17] = 5  # and one with a single pixel
    logs[labels == 3] *= 4  # classes differ in what their temperature is relative to
    ours = sinkhorn(logs, labels, 6, temperature=temperature, relative=relative, iterations=iterations)
    for c in labels.unique().tolist():
        naive = naive_sinkhorn(logs[labels == c], temperature, relative, iterations)
        np.testing.assert_allclose(ours[labels == c].exp(), naive, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("iterations", [0, 1, 3, 20])
@pytest.mark.parametrize("temperature", [0.001, 1.0, 1000.0])
def test_rows_sum_to_one(iterations: int, temperature: float) -> None:
    logs = of_one_class(random_logs(200, 4), temperature=temperature, iterations=iterations)
    torch.testing.assert_close(logs.exp().sum(dim=1), torch.ones(200))


def test_no_iterations_is_the_posterior() -> None:
    logs = random_logs(100, 3)
    torch.testing.assert_close(of_one_class(logs, iterations=0).exp(), torch.softmax(logs, dim=1))


def test_a_relative_temperature_knows_no_scale() -> None:
    logs = random_logs(100, 3)
    wanted = of_one_class(logs, temperature=0.05, relative=True)
    for scale in (1e-3, 1e6):
        same = of_one_class(scale * logs, temperature=0.05, relative=True)
        torch.testing.assert_close(same, wanted, rtol=1e-4, atol=1e-3)
    flat = of_one_class(torch.zeros(100, 3), temperature=0.05, relative=True)
    torch.testing.assert_close(flat.exp(), torch.full((100, 3), 1 / 3))


def test_temperature_softens() -> None:
    logs = random_logs(100, 3)
    cold, warm = (of_one_class(logs, temperature=t).exp().amax(dim=1).mean() for t in (0.1, 10.0))
    assert cold > 0.95
    assert warm < 0.7


def test_marginals_approach_uniform() -> None:
    logs = random_logs(400, 4) + torch.tensor([30.0, 0.0, -5.0, -40.0])
    errors = [
        float((of_one_class(logs, iterations=n).exp().sum(dim=0) / 100 - 1).abs().max()) for n in (0, 1, 10, 100, 1000)
    ]
    assert errors == sorted(errors, reverse=True)
    assert errors[0] > 1
    assert errors[-1] < 1e-3


def test_a_constant_per_component_changes_nothing_from_one_iteration_on() -> None:
    logs = random_logs(100, 3)
    shift = torch.tensor([0.0, 50.0, -200.0])
    for iterations in (1, 3):
        plain, shifted = (of_one_class(x, temperature=2, iterations=iterations) for x in (logs, logs + shift))
        torch.testing.assert_close(shifted, plain, rtol=1e-4, atol=1e-3)
    assert (of_one_class(logs + shift, temperature=2, iterations=0).argmax(dim=1) == 1).all()


def test_a_dead_component_gets_a_share() -> None:
    logs = random_logs(300, 3)
    logs[:, 2] -= 1000
    assert not (of_one_class(logs, iterations=0).argmax(dim=1) == 2).any()
    assert torch.bincount(of_one_class(logs).argmax(dim=1), minlength=3).min() > 60


def test_one_pixel_one_component_and_no_pixel() -> None:
    torch.testing.assert_close(of_one_class(random_logs(1, 3)).exp(), torch.full((1, 3), 1 / 3))
    torch.testing.assert_close(of_one_class(random_logs(5, 1)), torch.zeros(5, 1))
    assert of_one_class(torch.zeros(0, 3), relative=True).shape == (0, 3)


# --- seeds ---


@pytest.mark.parametrize("number", range(20))
def test_seed_finds_separated_clusters(number: int) -> None:
    cluster = torch.arange(200) % 4
    features = (100 * torch.eye(4, 6))[cluster] + 0.1 * torch.randn(200, 6, generator=chance(7))
    owner = seed(features, 4, chance(number))
    assert owner.dtype == torch.int64
    pairs = torch.unique(torch.stack([cluster, owner]), dim=1)
    assert pairs.shape[1] == 4  # a bijection of clusters and components
    assert sorted(pairs[1].tolist()) == [0, 1, 2, 3]


def test_seed_gives_each_pixel_its_nearest_centre() -> None:
    # Whatever was drawn, some two of the pixels are centres of the assignment.
    features = torch.randn(12, 2, generator=chance(1))
    owner = seed(features, 2, chance(0))
    distance = torch.cdist(features, features)
    pairs = [(a, b) for a in range(12) for b in range(12) if a != b]
    assert any(torch.equal(owner, (distance[:, b] < distance[:, a]).long()) for a, b in pairs)


def test_seed_draws_by_squared_distance() -> None:
    # From the first of three points the others lie 1 and 3 away: the second is drawn 9 times of 10.
    features = torch.tensor([[0.0], [1.0], [-3.0]])
    drawn = [seed(features, 2, chance(number)) for number in range(900)]
    began_at_0 = [owner for owner in drawn if owner[0] == 0 and owner[1:].sum() == 1]
    far = sum(int(owner[2]) for owner in began_at_0)
    assert len(began_at_0) > 250
    assert 0.8 < far / len(began_at_0) < 0.97


def test_seed_with_fewer_distinct_points_than_components() -> None:
    features = torch.tensor([[0.0, 0.0], [1.0, 0.0]]).repeat(10, 1)
    for number in range(5):
        owner = seed(features, 5, chance(number))
        assert sorted(owner[:2].tolist()) == [0, 1]  # two components, the others stay empty
        assert torch.equal(owner, owner[:2].repeat(10))


def test_seed_of_one_pixel_and_of_identical_pixels() -> None:
    assert seed(torch.ones(1, 3), 4, chance(0)).tolist() == [0]
    assert seed(torch.ones(9, 3), 4, chance(0)).tolist() == [0] * 9


def test_seed_is_a_function_of_its_generator() -> None:
    features = torch.randn(50, 3, generator=chance(1))
    assert torch.equal(seed(features, 4, chance(3)), seed(features, 4, chance(3)))
    assert len({tuple(seed(features, 4, chance(number)).tolist()) for number in range(8)}) > 1


# --- the M-step ---


def random_moments(number: int) -> tuple[Tensor, Moments, Tensor]:
    """features (200, 4), their moments in 3 groups, and the present means (3, 4)."""
    generator = chance(number)
    features = torch.randn(200, 4, generator=generator) + 2
    labels = torch.randint(0, 3, (200,), generator=generator)
    moments = gather_moments(features, torch.ones(200, 1), labels, 3, joint=False)
    return features, moments, 3 * torch.randn(3, 4, generator=generator)


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.999])
def test_means_move_and_the_spread_is_about_the_memory(momentum: float) -> None:
    _, moments, old = random_moments(0)
    means, spread = m_step(moments, old, momentum=momentum, unit=False)
    torch.testing.assert_close(means, torch.lerp(moments.mean, old, momentum))
    torch.testing.assert_close(spread, moments.spread)


def test_on_the_sphere_the_spread_is_about_the_unit_mean() -> None:
    _, moments, old = random_moments(0)
    means, spread = m_step(moments, old, momentum=0.9, unit=True)
    unit = moments.mean / moments.mean.norm(dim=1, keepdim=True)
    torch.testing.assert_close(means, 0.9 * old + 0.1 * unit)
    torch.testing.assert_close(spread, moments.spread + (moments.mean - unit).square())


@pytest.mark.parametrize("number", range(5))
def test_likelihood_of_a_mixture_never_falls(number: int) -> None:
    # Plain EM: no balancing, soft shares, everything replaced. One class of three components.
    features, _, _ = random_moments(number)
    means = features[:3]
    variances, labels, course = torch.ones(3, 4), torch.zeros(200, dtype=torch.int64), []
    weight = torch.full((3,), 1 / 3)
    for _ in range(25):
        logs = log_prob(features, means, variances) + weight.log()
        course.append(float(logs.double().logsumexp(dim=1).mean()))
        shares = of_one_class(logs, iterations=0).exp()
        moments = gather_moments(features, shares, labels, 1, joint=False)
        means, variances = m_step(moments, means, momentum=0.0, unit=False)
        weight = moments.weight / 200
    assert all(after >= before - 1e-5 for before, after in pairwise(course))
    assert course[-1] > course[0] + 0.05
