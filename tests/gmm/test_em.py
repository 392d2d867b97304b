"""The E-step and the M-step: strangers, laws and degenerate inputs."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from gmmbench.gmm.density import log_prob
from gmmbench.gmm.em import UNASSIGNED, assign, m_step, seed, sinkhorn

FLOOR = 0.01


def chance(number: int) -> torch.Generator:
    return torch.Generator().manual_seed(number)


def random_logs(pixels: int, components: int, number: int = 0, spread: float = 5.0) -> Tensor:
    """(N, M) log-densities in nats."""
    return spread * torch.randn(pixels, components, generator=chance(number))


@pytest.mark.parametrize("iterations", [0, 1, 3, 20])
@pytest.mark.parametrize("temperature", [0.05, 1.0, 10.0])
def test_rows_sum_to_one(iterations: int, temperature: float) -> None:
    logs = sinkhorn(random_logs(200, 4), temperature=temperature, iterations=iterations)
    torch.testing.assert_close(logs.exp().sum(dim=1), torch.ones(200))


def test_no_iterations_is_the_posterior() -> None:
    logs = random_logs(100, 3)
    posterior = sinkhorn(logs, temperature=1, iterations=0).exp()
    torch.testing.assert_close(posterior, torch.softmax(logs, dim=1))


def test_temperature_softens() -> None:
    logs = random_logs(100, 3)
    cold, warm = (sinkhorn(logs, temperature=t, iterations=3).exp().amax(dim=1).mean() for t in (0.1, 10.0))
    assert cold > 0.95
    assert warm < 0.7


def test_marginals_approach_uniform() -> None:
    logs = random_logs(400, 4) + torch.tensor([30.0, 0.0, -5.0, -40.0])
    errors = [
        float((sinkhorn(logs, temperature=1, iterations=n).exp().sum(dim=0) / 100 - 1).abs().max())
        for n in (0, 1, 10, 100, 1000)
    ]
    assert errors == sorted(errors, reverse=True)
    assert errors[0] > 1
    assert errors[-1] < 1e-3


def test_a_constant_per_component_changes_nothing_from_one_iteration_on() -> None:
    logs = random_logs(100, 3)
    shift = torch.tensor([0.0, 50.0, -200.0])
    for iterations in (1, 3):
        plain = sinkhorn(logs, temperature=2, iterations=iterations)
        shifted = sinkhorn(logs + shift, temperature=2, iterations=iterations)
        torch.testing.assert_close(shifted, plain, rtol=1e-4, atol=1e-3)
    assert (sinkhorn(logs + shift, temperature=2, iterations=0).argmax(dim=1) == 1).all()


def test_dead_component_gets_a_share() -> None:
    logs = random_logs(300, 3)
    logs[:, 2] -= 1000
    assert not (sinkhorn(logs, temperature=1, iterations=0).argmax(dim=1) == 2).any()
    winners = torch.bincount(sinkhorn(logs, temperature=1, iterations=3).argmax(dim=1), minlength=3)
    assert winners.min() > 60


def test_sinkhorn_on_one_pixel_and_on_one_component() -> None:
    torch.testing.assert_close(
        sinkhorn(random_logs(1, 3), temperature=1, iterations=3).exp(), torch.full((1, 3), 1 / 3)
    )
    torch.testing.assert_close(sinkhorn(random_logs(5, 1), temperature=1, iterations=3), torch.zeros(5, 1))


@pytest.mark.parametrize("number", range(20))
def test_seed_finds_separated_clusters(number: int) -> None:
    cluster = torch.arange(200) % 4
    centres = 100 * torch.eye(4, 6)
    features = centres[cluster] + 0.1 * torch.randn(200, 6, generator=chance(7))
    owner = seed(features, 4, chance(number))
    assert owner.dtype == torch.int64
    pairs = torch.unique(torch.stack([cluster, owner]), dim=1)
    assert pairs.shape[1] == 4  # a bijection of clusters and components
    assert sorted(pairs[1].tolist()) == [0, 1, 2, 3]


def test_seed_gives_each_pixel_its_nearest_centre() -> None:
    # Whatever was drawn, some M of the pixels are centres of the assignment.
    features = torch.randn(12, 2, generator=chance(1))
    owner = seed(features, 2, chance(0))
    distance = torch.cdist(features, features)
    explained = [
        torch.equal(owner, (distance[:, b] < distance[:, a]).long()) for a in range(12) for b in range(12) if a != b
    ]
    assert any(explained)


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


def test_assign_numbers_components_and_leaves_out_labels_out_of_range() -> None:
    classes, components = 3, 2
    labels = torch.tensor([0, 1, 2, -1, 3, 255, 1, 0])
    logs = torch.zeros(8, classes, components)
    winner = torch.tensor([1, 0, 1, 0, 0, 0, 1, 0])
    logs[torch.arange(8), :, winner] = 4.0
    owner = assign(
        torch.zeros(8, 4), logs, labels, torch.ones(3, dtype=torch.bool), chance(0), temperature=1, iterations=0
    )
    assert owner.tolist() == [1, 2, 5, UNASSIGNED, UNASSIGNED, UNASSIGNED, 3, 0]
    assert owner.dtype == torch.int64


def test_assign_seeds_only_unseeded_classes() -> None:
    centres = 10 * torch.eye(4)
    cluster = torch.arange(40) % 4
    features = centres[cluster] + 0.01 * torch.randn(40, 4, generator=chance(0))
    labels = cluster // 2  # class 0 has clusters 0 and 1, class 1 has 2 and 3
    logs = torch.zeros(40, 2, 2)
    logs[:, 0, 0] = 1.0  # class 0 is seeded: component 0 wins everywhere
    owner = assign(features, logs, labels, torch.tensor([True, False]), chance(0), temperature=1, iterations=0)
    assert (owner[labels == 0] == 0).all()
    halves = [owner[cluster == 2].unique().tolist(), owner[cluster == 3].unique().tolist()]
    assert sorted(halves) == [[2], [3]]


def test_assign_without_labelled_pixels() -> None:
    labels = torch.full((5,), UNASSIGNED)
    owner = assign(
        torch.zeros(5, 2), torch.zeros(5, 2, 2), labels, torch.zeros(2, dtype=torch.bool), chance(0),
        temperature=1, iterations=3,
    )  # fmt: skip
    assert (owner == UNASSIGNED).all()


def random_bank(number: int) -> tuple[Tensor, Tensor, Tensor]:
    """features (6, 20, 4) with NaN in the slots that are not real, count (6,), means (6, 4); the first has none."""
    generator = chance(number)
    spread = torch.tensor([1.0, 1.0, 0.05, 0.3, 2.0, 1.0])[:, None, None]  # the third lies under the floor
    features = spread * torch.randn(6, 20, 4, generator=generator) + 3 * torch.randn(6, 1, 4, generator=generator)
    count = torch.tensor([0, 1, 20, 7, 20, 13])
    features[torch.arange(20) >= count[:, None]] = torch.nan
    return features, count, 3 * torch.randn(6, 4, generator=generator)


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.999])
def test_m_step_against_a_loop(momentum: float) -> None:
    features, count, old = random_bank(0)
    means, variances = m_step(features, count, old, torch.full((6,), momentum), floor=FLOOR)
    for g in range(1, 6):
        real = [features[g, k].double() for k in range(int(count[g]))]
        mean = momentum * old[g].double() + (1 - momentum) * sum(real) / len(real)
        variance = sum((x - mean) ** 2 for x in real) / len(real)
        assert isinstance(variance, Tensor)
        torch.testing.assert_close(means[g].double(), mean, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(variances[g].double(), variance.clamp(min=FLOOR), rtol=1e-4, atol=1e-6)


def test_m_step_never_reads_slots_beyond_the_count() -> None:
    features, count, old = random_bank(1)
    momentum = torch.full((6,), 0.5)
    with_nan = m_step(features, count, old, momentum, floor=FLOOR)
    for rubbish in (0.0, 1e30, math.inf):
        same = m_step(features.nan_to_num(nan=rubbish), count, old, momentum, floor=FLOOR)
        torch.testing.assert_close(same, with_nan, rtol=0, atol=0, equal_nan=True)
    assert with_nan[0].isfinite().all()
    assert with_nan[1][1:].isfinite().all()


def test_empty_component_keeps_its_mean_and_has_no_variance() -> None:
    features, count, old = random_bank(2)
    means, variances = m_step(features, count, old, torch.zeros(6), floor=FLOOR)
    assert torch.equal(means[0], old[0])
    assert variances[0].isnan().all()


def test_momentum_zero_replaces_and_each_component_has_its_own() -> None:
    features, count, old = random_bank(3)
    momentum = torch.tensor([0.0, 0.0, 0.9, 0.0, 0.99, 0.0])
    means, _ = m_step(features, count, old, momentum, floor=FLOOR)
    fresh = torch.stack([features[g, : max(1, int(count[g]))].mean(dim=0) for g in range(6)])
    for g in (1, 3, 5):
        torch.testing.assert_close(means[g], fresh[g], rtol=1e-5, atol=1e-5)
    for g in (2, 4):
        torch.testing.assert_close(means[g], torch.lerp(old[g], fresh[g], float(1 - momentum[g])))


def test_m_step_of_one_feature_has_the_floor_for_variance() -> None:
    features, count, old = random_bank(4)
    means, variances = m_step(features, count, old, torch.zeros(6), floor=FLOOR)
    torch.testing.assert_close(means[1], features[1, 0])
    torch.testing.assert_close(variances[1], torch.full((4,), FLOOR))


def memory_likelihood(features: Tensor, count: Tensor, means: Tensor, variances: Tensor) -> Tensor:
    """(G,) float64: mean log-likelihood of each component's real features under it, in nats."""
    return torch.stack(
        [
            log_prob(features[g, : int(count[g])].double(), means[g].double(), variances[g].double()).mean()
            for g in range(len(count))
        ]
    )


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9, 0.99])
def test_likelihood_of_the_memory_never_falls(momentum: float) -> None:
    for number in range(25):
        features, count, means = (tensor[1:] for tensor in random_bank(number))
        variances = FLOOR + torch.rand(means.shape, generator=chance(number))
        before = first = memory_likelihood(features, count, means, variances)
        for _ in range(8):
            means, variances = m_step(features, count, means, torch.full((5,), momentum), floor=FLOOR)
            after = memory_likelihood(features, count, means, variances)
            assert (after >= before - 1e-5 * before.abs().clamp(min=1)).all()  # float32 means and variances
            before = after
        assert (before > first + 0.01).all()
