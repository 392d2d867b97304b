"""GMMClassifier: EM recovers what was drawn, what changes what, chance and resuming."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.distributions import Categorical, MixtureSameFamily, MultivariateNormal
from torch.nn import functional as F

from gmmbench.gmm import Assignment, GMMClassifier
from gmmbench.gmm.em import UNASSIGNED

Build = Callable[..., GMMClassifier]

BATCH_NORM = ("running_mean", "running_var", "num_batches_tracked")
MIXTURE = {"step", "mixture.means", "mixture.covariance.variances", "memory.weight", "memory.mean", "memory.spread"}
PLAIN = {"unit": False, "layer_norm": False}
QUEUE = {"memory": "queue", "memory_options": {"slots": 32, "samples": 5}}
COVARIANCES: dict[str, dict[str, Any]] = {"diag": {}, "full": {"prior": 0.0}, "tied": {}, "low_rank": {"rank": 2}}


def chance(number: int) -> torch.Generator:
    return torch.Generator().manual_seed(number)


def batch(number: int, channels: int = 6, classes: int = 4) -> tuple[Tensor, Tensor]:
    """x (2, channels, 6, 7) that tells its class and labels (84,) with some pixels of no class."""
    labels = torch.randint(-1, classes, (2, 6, 7), generator=chance(number))
    x = torch.randn(2, channels, 6, 7, generator=chance(number + 1000))
    return x + 3 * F.one_hot(labels.clamp(min=0), channels).movedim(-1, 1), labels.flatten()


def train(classifier: GMMClassifier, x: Tensor, labels: Tensor) -> Assignment:
    """One EM step, without descent."""
    seen = classifier.assign(classifier.read(x), labels)
    classifier.update(seen)
    return seen


def snapshot(classifier: GMMClassifier) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in classifier.state_dict().items()}


def changed(before: dict[str, Tensor], classifier: GMMClassifier) -> set[str]:
    return {name for name, value in classifier.state_dict().items() if not torch.equal(value, before[name])}


# --- EM recovers a known mixture ---


class KnownMixture:
    """3 classes of 2 equally likely, well separated Gaussians in 8 dimensions, of the kind that ``covariance`` fits."""

    def __init__(self, number: int, covariance: str) -> None:
        generator = chance(number)
        self.means = 3 * torch.randn(3, 2, 8, generator=generator)
        noise = torch.diag_embed(0.02 + 0.07 * torch.rand(3, 2, 8, generator=generator))
        loadings = 0.3 * torch.randn(3, 2, 8, 2, generator=generator)
        self.covariances = noise if covariance == "diag" else noise + loadings @ loadings.transpose(2, 3)
        if covariance == "tied":
            self.covariances = self.covariances[:1, :1].expand(3, 2, 8, 8)
        gaussians = MultivariateNormal(self.means.double(), self.covariances.double())
        self.density = MixtureSameFamily(Categorical(torch.ones(3, 2).double()), gaussians)

    def draw(self, side: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """x (1, 8, side, side) and labels (side * side,)."""
        labels = torch.randint(0, 3, (side * side,), generator=generator)
        component = torch.randint(0, 2, (side * side,), generator=generator)
        factor = torch.linalg.cholesky(self.covariances)[labels, component]
        noise = torch.randn(side * side, 8, 1, generator=generator)
        rows = self.means[labels, component] + (factor @ noise).squeeze(2)
        return rows.reshape(1, side, side, 8).movedim(-1, 1), labels


@pytest.mark.parametrize(
    "memory", [{"memory_options": {"decay": 0.95}}, QUEUE | {"memory_options": {"slots": 2048, "samples": None}}]
)
@pytest.mark.parametrize("covariance", list(COVARIANCES))
def test_recovers_a_known_mixture(build: Build, covariance: str, memory: dict[str, Any]) -> None:
    known = KnownMixture(3, covariance)
    classifier = build(
        8, 3, **PLAIN, **memory, floor=1e-4, covariance=covariance, covariance_options=COVARIANCES[covariance]
    )
    x, labels = known.draw(50, chance(100))
    rows = x.movedim(1, -1).flatten(0, 2)

    def likelihood(density: Tensor) -> float:
        """Mean over the held-out features, under their own class, in nats."""
        return float(density.gather(1, labels[:, None]).mean())

    course = []
    generator = chance(200)
    for _ in range(60):
        train(classifier, *known.draw(20, generator))
        course.append(likelihood(classifier.read(x).density))

    for c in range(3):
        means = classifier.mixture.means[c]
        errors = [float((means[list(order)] - known.means[c]).abs().max()) for order in permutations(range(2))]
        assert min(errors) < 0.15
    best = likelihood(known.density.log_prob(rows.double()[:, None]))
    # A mixture fitted to a finite memory of n lies about (parameters / 2n) below the truth: 0.02 nats here.
    assert course[0] < course[-1]
    assert best - 0.15 < course[-1] < best + 0.03


# --- what changes what ---


@pytest.mark.parametrize("memory", [{}, QUEUE])
def test_forward_and_evaluation_change_nothing(build: Build, memory: dict[str, Any]) -> None:
    classifier = build(**memory)
    x, labels = batch(0)
    train(classifier, x, labels)
    before = snapshot(classifier)
    classifier(x)
    classifier.read(x)
    assert {name for name in changed(before, classifier) if not name.endswith(BATCH_NORM)} == set()
    classifier.eval()
    before = snapshot(classifier)
    first, again = classifier(x), classifier(x)
    assert changed(before, classifier) == set()
    assert torch.equal(first, again)


@pytest.mark.parametrize("started", [True, False])
def test_assign_and_losses_change_nothing(build: Build, started: bool) -> None:
    classifier = build()
    x, labels = batch(0)
    if started:
        train(classifier, x, labels)
    reading = classifier.eval().read(x)
    before = snapshot(classifier)
    one, other = classifier.assign(reading, labels), classifier.assign(reading, labels)
    for name in Assignment.__dataclass_fields__:
        assert torch.equal(getattr(one, name), getattr(other, name))
    classifier.component_loss(reading, one.owner)
    assert changed(before, classifier) == set()


def test_update_changes_the_mixture_the_memory_and_the_step_only(build: Build) -> None:
    classifier = build()
    seen = classifier.assign(classifier.read(batch(0)[0]), batch(0)[1])
    before, copy = snapshot(classifier), seen.features.clone()
    identities = {name: id(value) for name, value in classifier.named_buffers()}
    classifier.update(seen)
    assert changed(before, classifier) == MIXTURE | {"mixture.started"}
    assert {name: id(value) for name, value in classifier.named_buffers()} == identities  # moved, not replaced
    assert torch.equal(seen.features, copy)


def test_between_two_m_steps_only_the_memory_moves(build: Build) -> None:
    classifier = build(interval=3)
    for number in range(6):
        before = snapshot(classifier)
        seen = classifier.assign(classifier.eval().read(batch(number)[0]), batch(number)[1])
        classifier.update(seen)
        moved = {name for name in changed(before, classifier) if name.startswith("mixture.covariance")}
        assert bool(moved) == (number % 3 == 0)


def test_classes_not_seen_keep_everything(build: Build) -> None:
    for memory in ({}, QUEUE):
        classifier = build(**memory)
        train(classifier, *batch(0))
        before = snapshot(classifier)
        x, labels = batch(1)
        labels[labels != 1] = UNASSIGNED
        train(classifier, x, labels)
        for name in ("mixture.means", "mixture.covariance.variances"):
            old, new = (state[name].reshape(4, -1) for state in (before, classifier.state_dict()))
            torch.testing.assert_close(old[[0, 2, 3]], new[[0, 2, 3]], rtol=0, atol=1e-7)
            assert not torch.equal(old[1], new[1]), name


@pytest.mark.parametrize("memory", [{}, QUEUE])
@pytest.mark.parametrize("covariance", ["diag", "full", "low_rank"])
def test_without_any_labelled_pixel_only_the_step_moves(build: Build, covariance: str, memory: dict[str, Any]) -> None:
    classifier = build(covariance=covariance, covariance_options=COVARIANCES[covariance], unit=False, **memory)
    train(classifier, *batch(0))
    before = snapshot(classifier.eval())
    for outside in (UNASSIGNED, 4, 255):
        seen = train(classifier, batch(0)[0], torch.full((84,), outside))
        assert (seen.owner == UNASSIGNED).all()
    assert changed(before, classifier) == {"step"}


def test_no_gradient_reaches_the_mixture(build: Build) -> None:
    classifier = build()
    train(classifier, *batch(0))
    classifier(batch(0)[0]).sum().backward()
    assert all(parameter.grad is not None for parameter in classifier.parameters())
    assert not any(buffer.requires_grad for buffer in classifier.buffers())
    assert not any(name.startswith(("mixture", "memory")) for name, _ in classifier.named_parameters())


def test_global_random_numbers_are_left_alone(build: Build) -> None:
    for changes in ({}, QUEUE, QUEUE | {"from_data": False}):
        classifier = build(**changes)
        before = torch.get_rng_state()
        for number in range(3):  # seeding, then Sinkhorn
            train(classifier, *batch(number))
        assert torch.equal(torch.get_rng_state(), before)


# --- chance and resuming ---


@pytest.mark.parametrize("covariance", list(COVARIANCES))
@pytest.mark.parametrize("memory", [{}, QUEUE | {"momentum": 0.9, "interval": 2}])
def test_resumed_in_the_middle_it_goes_on_the_same(build: Build, covariance: str, memory: dict[str, Any]) -> None:
    changes = {"covariance": covariance, "covariance_options": COVARIANCES[covariance], **memory}
    one, other = build(**changes), build(**changes)
    for number in range(3):
        x, labels = batch(number)
        train(one, x, torch.where(labels == 3, UNASSIGNED, labels))  # class 3 is seeded after the resume
    other.load_state_dict(snapshot(one))
    for number in range(3, 6):
        here, there = train(one, *batch(number)), train(other, *batch(number))
        assert torch.equal(here.owner, there.owner)
        assert changed(snapshot(one), other) == set()


def test_seeds_draw_differently(build: Build) -> None:
    drawn = [tuple(train(build(seed=seed), *batch(0)).owner.tolist()) for seed in range(8)]
    assert len(set(drawn)) > 4


def test_steps_draw_differently(build: Build) -> None:
    drawn = set()
    for step in range(8):
        classifier = build()
        classifier.step.fill_(step)
        drawn.add(tuple(train(classifier, *batch(0)).owner.tolist()))
    assert len(drawn) > 4


@pytest.mark.parametrize("seed", [0, 2**24, 2**31 - 1, 2**63])
def test_any_seed_will_do(build: Build, seed: int) -> None:
    train(build(seed=seed), *batch(0))
