"""EM where it could break, for every covariance; each test says what comes out instead of NaN."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from gmmbench.gmm import Assignment, GMMClassifier
from gmmbench.gmm.em import UNASSIGNED
from gmmbench.gmm.mixture import UNSEEN

Build = Callable[..., GMMClassifier]

PLAIN: dict[str, Any] = {"unit": False, "layer_norm": False}
QUEUE: dict[str, Any] = {"memory": "queue", "memory_options": {"slots": 32, "samples": 5}}

every_covariance = pytest.mark.parametrize(
    "covariance",
    [
        {"covariance": "diag"},
        {"covariance": "full"},
        {"covariance": "full", "covariance_options": {"prior": 0.0}},
        {"covariance": "tied"},
        {"covariance": "low_rank", "covariance_options": {"rank": 2}},
    ],
    ids=["diag", "full", "full-without-prior", "tied", "low_rank"],
)


def batch(number: int, channels: int = 6) -> tuple[Tensor, Tensor]:
    """x (2, channels, 6, 7) that tells its class of 4 and labels (84,) with some pixels of no class."""
    generator = torch.Generator().manual_seed(number)
    labels = torch.randint(-1, 4, (2, 6, 7), generator=generator)
    x = torch.randn(2, channels, 6, 7, generator=generator)
    return x + 3 * F.one_hot(labels.clamp(min=0), channels).movedim(-1, 1), labels.flatten()


def finite_step(classifier: GMMClassifier, x: Tensor, labels: Tensor) -> Assignment:
    """One step of EM with its losses: readings, losses, all gradients and the whole state are finite."""
    classifier.zero_grad()
    x = x.clone().requires_grad_()
    reading = classifier.read(x)
    for values in (reading.features, reading.component_log_prob, reading.density, reading.logits):
        assert values.isfinite().all()
        assert values.dtype == torch.float32
    seen = classifier.assign(reading, labels)
    assert all(getattr(seen, name).isfinite().all() for name in Assignment.__dataclass_fields__)
    known = (labels >= 0) & (labels < classifier.num_classes)
    loss = F.cross_entropy(reading.logits[known], labels[known]) + classifier.component_loss(reading, seen.owner)
    loss.backward()  # type: ignore[no-untyped-call]
    assert loss.isfinite()
    assert x.grad is not None
    assert x.grad.isfinite().all()
    for name, parameter in classifier.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
    classifier.update(seen)
    for name, value in classifier.state_dict().items():
        assert value.isfinite().all(), name
    return seen


@every_covariance
def test_a_dead_component_is_given_pixels_again(build: Build, covariance: dict[str, Any]) -> None:
    """Sinkhorn balances by factors, so a component however far away wins the pixels that suit it best."""
    classifier = build(8, **PLAIN, **covariance)
    for number in range(3):
        finite_step(classifier, *batch(number, 8))
    classifier.mixture.means[1, 0] = 1000.0
    seen = finite_step(classifier, *batch(4, 8))
    pixels = torch.bincount(seen.owner[seen.owner != UNASSIGNED], minlength=8)
    assert pixels.min() > 0
    assert not classifier.options.relative
    for number in range(5, 12):
        finite_step(classifier, *batch(number, 8))
    assert classifier.mixture.means[1].abs().max() < 10


@every_covariance
def test_a_class_of_one_pixel_is_one_component(build: Build, covariance: dict[str, Any]) -> None:
    """The component stands where the pixel is; the class's others stay unstarted and out of the density."""
    classifier = build(8, **PLAIN, **covariance)
    for number in range(4):
        x, labels = batch(number, 8)
        labels[labels == 2] = UNASSIGNED
        if number == 1:
            labels[0] = 2
            pixel = x[0, :, 0, 0]
        finite_step(classifier, x, labels)
    assert classifier.mixture.started[2].tolist() == [True, False]
    torch.testing.assert_close(classifier.mixture.means[2, 0], pixel)
    reading = classifier.read(x)
    own = reading.component_log_prob[:, 2]
    assert (own[:, 1] < UNSEEN + 10).all()
    one = classifier.mixture(pixel[None]).logsumexp(dim=2)[0, 2]
    torch.testing.assert_close(one, classifier.mixture(pixel[None])[0, 2, 0])


@every_covariance
@pytest.mark.parametrize("unit", [True, False])
def test_a_class_of_one_pixel_a_step(build: Build, covariance: dict[str, Any], unit: bool) -> None:
    classifier = build(unit=unit, **covariance)
    for number in range(6):
        x, labels = batch(number)
        labels[labels == 2] = UNASSIGNED
        labels[0] = 2
        finite_step(classifier, x, labels)
    assert classifier.mixture.started[2].any()


@every_covariance
@pytest.mark.parametrize("unit", [True, False])
def test_an_absent_class_is_never_predicted(build: Build, covariance: dict[str, Any], unit: bool) -> None:
    """Its density is ``UNSEEN`` nats down, at the pixels of all classes and at pure noise."""
    classifier = build(unit=unit, dim=64, **covariance)
    for number in range(4):
        x, labels = batch(number)
        labels[labels == 3] = UNASSIGNED
        finite_step(classifier, x, labels)
    assert classifier.mixture.started.any(dim=1).tolist() == [True, True, True, False]
    noise = 3 * torch.randn(2, 6, 6, 7, generator=torch.Generator().manual_seed(0))
    reading = classifier.read(torch.cat([x, noise]))
    assert not (reading.logits.argmax(dim=1) == 3).any()
    # On the unit sphere no feature is more than 200 nats from what was seen; off it some of this noise is.
    down = reading.density[:, :3].amax(dim=1) - reading.density[:, 3]
    assert (down > (900 if unit else 500)).all()


def test_an_absent_class_of_the_released_head_stays_where_chance_put_it(build: Build) -> None:
    classifier = build(from_data=False, **QUEUE)
    start = classifier.mixture.directed_means()[3].clone()
    for number in range(4):
        x, labels = batch(number)
        labels[labels == 3] = UNASSIGNED
        finite_step(classifier, x, labels)
    torch.testing.assert_close(classifier.mixture.means[3], start)
    assert (classifier.mixture.covariance.variances.view(4, 2, 8)[3] == 1).all()


@every_covariance
@pytest.mark.parametrize("value", [0.0, 1.0, 1e4])
@pytest.mark.parametrize("unit", [True, False])
def test_identical_features_are_one_component_a_class(
    build: Build, covariance: dict[str, Any], value: float, unit: bool
) -> None:
    """k-means++ finds no second centre; classes cannot be told apart, so none is preferred."""
    classifier = build(8, unit=unit, layer_norm=False, **covariance)
    labels = batch(0)[1]
    for _ in range(3):
        finite_step(classifier, torch.full((2, 8, 6, 7), value), labels)
    assert classifier.mixture.started.sum(dim=1).tolist() == [1, 1, 1, 1]
    density = classifier.read(torch.full((2, 8, 6, 7), value)).density
    torch.testing.assert_close(density, density[:1, :1].expand_as(density), rtol=1e-3, atol=1e-2)


@every_covariance
@pytest.mark.parametrize("memory", [{}, QUEUE], ids=["streaming", "queue"])
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_identical_features_through_the_whole_embedding(
    build: Build, covariance: dict[str, Any], memory: dict[str, Any], value: float
) -> None:
    classifier = build(**covariance, **memory)
    labels = batch(0)[1]
    for training in (True, True, False):
        finite_step(classifier.train(training), torch.full((2, 6, 6, 7), value), labels)


@every_covariance
@pytest.mark.parametrize("dim", [8, 64])
@pytest.mark.parametrize("scale", [1e4, 1e-4])
def test_scaled_features_that_nothing_normalises(
    build: Build, covariance: dict[str, Any], scale: float, dim: int
) -> None:
    """Fewer pixels a component (10) than the 64 dimensions too: every covariance matrix is singular."""
    classifier = build(dim, dim=dim, **PLAIN, **covariance)
    for number in range(5):
        x, labels = batch(number, dim)
        finite_step(classifier, scale * x, labels)
    assert classifier.mixture.started.all()
    if scale > 1 and dim == 8:
        reading = classifier.read(scale * x)
        known = labels >= 0
        assert (reading.logits.argmax(dim=1) == labels)[known].float().mean() > 0.5  # chance: 0.25


@pytest.mark.parametrize("scale", [1e4, 1e-4])
@pytest.mark.parametrize("training", [True, False])
def test_scaled_features_of_the_decoder(build: Build, scale: float, training: bool) -> None:
    classifier = build().train(training)
    for number in range(3):
        x, labels = batch(number)
        finite_step(classifier, scale * x, labels)


@every_covariance
def test_far_from_the_origin(build: Build, covariance: dict[str, Any]) -> None:
    """A constant added to all features changes no density: both sides are centred before they are multiplied."""
    here, there = (build(8, **PLAIN, **covariance) for _ in range(2))
    for number in range(4):
        x, labels = batch(number, 8)
        x = (x * 256).round() / 256  # exact beside 4096 too
        finite_step(here, x, labels)
        finite_step(there, x + 4096, labels)
    density = here.read(x).density[labels >= 0]
    moved = there.read(x + 4096).density[labels >= 0]
    torch.testing.assert_close(moved, density, rtol=0.02, atol=0.2)
