"""What GMMClassifier gives: maps, densities and posteriors, owners, the component loss, half precision."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from gmmbench.gmm import Assignment, GMMClassifier
from gmmbench.gmm.density import log_prob
from gmmbench.gmm.em import UNASSIGNED

Build = Callable[..., GMMClassifier]


def batch(number: int) -> tuple[Tensor, Tensor]:
    """x (2, 6, 6, 7) that tells its class and labels (84,) with some pixels of no class."""
    generator = torch.Generator().manual_seed(number)
    labels = torch.randint(-1, 4, (2, 6, 7), generator=generator)
    x = torch.randn(2, 6, 6, 7, generator=generator)
    return x + 3 * F.one_hot(labels.clamp(min=0), 6).movedim(-1, 1), labels.flatten()


def train(classifier: GMMClassifier, x: Tensor, labels: Tensor) -> Assignment:
    seen = classifier.assign(classifier.read(x), labels)
    classifier.update(seen)
    return seen


@pytest.mark.parametrize("posterior", ["bayes", "tempered", "layer_norm"])
@pytest.mark.parametrize("class_density", ["mixture", "best"])
def test_forward_is_the_map_of_what_is_read(build: Build, class_density: str, posterior: str) -> None:
    classifier = build(class_density=class_density, posterior=posterior)
    x, labels = batch(0)
    train(classifier, x, labels)
    classifier.eval()
    reading, logits = classifier.read(x), classifier(x)
    assert logits.shape == (2, 4, 6, 7)
    assert torch.equal(logits[1, :, 2, 3], reading.logits[42 + 2 * 7 + 3])
    components = reading.component_log_prob
    if class_density == "best":
        assert torch.equal(reading.density, components.amax(dim=2))
    else:
        torch.testing.assert_close(reading.density, components.double().exp().mean(dim=2).log().float())
    wanted = {
        "bayes": reading.density,
        "tempered": 0.15 * reading.density,
        "layer_norm": F.layer_norm(reading.density, (4,)),
    }
    torch.testing.assert_close(reading.logits, wanted[posterior])


@pytest.mark.parametrize("unit", [True, False])
@pytest.mark.parametrize("layer_norm", [True, False])
@pytest.mark.parametrize("relu", [True, False])
def test_embedding_has_what_is_asked_for(build: Build, relu: bool, layer_norm: bool, unit: bool) -> None:
    classifier = build(relu=relu, layer_norm=layer_norm, unit=unit)
    features = classifier.read(batch(0)[0]).features
    assert features.shape == (84, 8)
    assert bool((features.norm(dim=1) - 1).abs().max() < 1e-5) == unit
    assert bool((features.mean(dim=1)).abs().max() < 1e-5) == layer_norm
    assert bool((features >= 0).all()) == (relu and not layer_norm)


def test_nothing_is_projected_where_the_channels_fit(build: Build) -> None:
    classifier = build(6, dim=6, unit=False, layer_norm=False)
    x, _ = batch(0)
    assert torch.equal(classifier.read(x).features, x.movedim(1, -1).flatten(0, 2))
    assert not list(classifier.embed.parameters())


def test_owners_are_components_of_the_labels_class(build: Build) -> None:
    classifier = build()
    for number in range(3):
        x, labels = batch(number)
        labels[:3] = torch.tensor([4, 255, -7])
        seen = train(classifier, x, labels)
        known = (labels >= 0) & (labels < 4)
        assert torch.equal(seen.owner != UNASSIGNED, known)
        assert torch.equal(seen.owner[known] // 2, labels[known])
        assert torch.equal(seen.labels, labels[known])
        assert seen.owner.dtype == torch.int64


@pytest.mark.parametrize("hard", [True, False])
def test_what_the_logits_get_wrong_is_not_counted_once_a_class_has_started(build: Build, hard: bool) -> None:
    classifier, whole = build(hard=hard), build(hard=hard, correct_only=False)
    x, labels = batch(0)
    first = train(classifier, x, labels)
    assert (first.responsibility.sum(dim=1) == 1).all()  # the seeds are all counted, and hard
    assert sorted(first.responsibility.unique().tolist()) == [0, 1]
    train(whole, x, labels)
    reading = classifier.read(x)
    right = (reading.logits.argmax(dim=1) == labels)[labels >= 0]
    assert (~right).any()
    counted = classifier.assign(reading, labels).responsibility
    torch.testing.assert_close(counted.sum(dim=1), right.float())
    soft = ((counted > 0.01) & (counted < 0.99)).any()
    assert bool(soft) != hard
    everything = whole.assign(whole.read(x), labels).responsibility
    torch.testing.assert_close(everything.sum(dim=1), torch.ones(len(right)))


def test_joined_batches_are_one_step(build: Build) -> None:
    classifier, other = build().eval(), build().eval()
    seen = [classifier.assign(classifier.read(batch(number)[0]), batch(number)[1]) for number in range(2)]
    joined = Assignment.join(seen)
    assert len(joined.owner) == 168
    assert torch.equal(joined.features[: len(seen[0].features)], seen[0].features)
    classifier.update(joined)
    other.memory.observe(joined.features, joined.responsibility, joined.labels)
    assert torch.equal(classifier.memory.moments().mean, other.memory.moments().mean)
    assert int(classifier.step) == 1


def test_component_loss_against_a_loop(build: Build) -> None:
    classifier = build(component_weight=0.02)
    x, labels = batch(0)
    train(classifier, x, labels)
    with torch.no_grad():
        reading = classifier.read(x)
    owner = classifier.assign(reading, labels).owner
    logs = reading.component_log_prob.double().flatten(1)
    losses = [float(logs[i].logsumexp(0) - logs[i, k]) for i, k in enumerate(owner.tolist()) if k != UNASSIGNED]
    assert classifier.component_loss(reading, owner).item() == pytest.approx(0.02 * sum(losses) / len(losses))
    assert classifier.component_loss(reading, torch.full_like(owner, UNASSIGNED)) == 0


def test_pace_scales_what_a_streaming_memory_looks_back_on(build: Build) -> None:
    classifier = build(horizon=0.1)
    assert classifier.memory.decay == pytest.approx(1 - 1 / 200)  # 2000 steps until told otherwise
    for iterations, decay in [(1, 0.0), (10, 0.0), (100, 0.9), (10**6, 1 - 1e-5)]:
        classifier.pace(iterations)
        assert classifier.memory.decay == pytest.approx(decay)
    fixed = build(horizon=None, memory_options={"decay": 0.7})
    fixed.pace(100)
    assert fixed.memory.decay == 0.7
    build(memory="queue", memory_options={"slots": 4}, horizon=0.1).pace(100)  # a queue has no decay


def test_half_precision_ends_before_the_densities(build: Build) -> None:
    classifier = build()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        for number in range(3):
            x, labels = batch(number)
            train(classifier, x, labels)
        assert classifier.embed.projection(x).dtype == torch.bfloat16  # autocast is at work
        reading = classifier.read(x)
        assert classifier(x).dtype == torch.float32
        assert classifier.component_loss(reading, classifier.assign(reading, labels).owner).dtype == torch.float32
    mixture = classifier.mixture
    variances = mixture.covariance.variances.view_as(mixture.means)
    wanted = log_prob(reading.features, mixture.directed_means(), variances)
    torch.testing.assert_close(reading.component_log_prob, wanted, rtol=0, atol=0)
