"""GMMClassifier: EM recovers what was drawn, forward changes nothing, chance and resuming, degenerate inputs."""

from __future__ import annotations

import math
from itertools import permutations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gmmbench.gmm import GMMClassifier
from gmmbench.gmm.density import log_prob
from gmmbench.gmm.em import UNASSIGNED

BATCH_NORM = ("running_mean", "running_var", "num_batches_tracked")


class Rows(nn.Module):
    """An embedding that embeds nothing: (B, D, h, w) to (B * h * w, D)."""

    def forward(self, x: Tensor) -> Tensor:
        return x.movedim(1, -1).flatten(0, 2)


def chance(number: int) -> torch.Generator:
    return torch.Generator().manual_seed(number)


def small_classifier(seed: int = 0) -> GMMClassifier:
    """6 channels, 4 classes, 2 components of 8 dimensions, with the same weights at each call."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        classifier = GMMClassifier(6, 4, components=2, dim=8, memory=16, seed=seed)
    classifier.pace(100)
    return classifier


def batch(number: int, channels: int = 6, classes: int = 4) -> tuple[Tensor, Tensor]:
    """x (2, channels, 6, 7) that tells its class and labels (84,) with some pixels of no class."""
    labels = torch.randint(-1, classes, (2, 6, 7), generator=chance(number))
    x = torch.randn(2, channels, 6, 7, generator=chance(number + 1000))
    return x + 3 * F.one_hot(labels.clamp(min=0), channels).movedim(-1, 1), labels.flatten()


def train(classifier: GMMClassifier, x: Tensor, labels: Tensor) -> Tensor:
    """One EM step, without descent; the owners."""
    reading = classifier.read(x)
    owner = classifier.assign(reading, labels)
    classifier.update(reading.features.detach(), owner)
    return owner


def snapshot(classifier: GMMClassifier) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in classifier.state_dict().items()}


def changed(before: dict[str, Tensor], classifier: GMMClassifier) -> set[str]:
    return {name for name, value in classifier.state_dict().items() if not torch.equal(value, before[name])}


def assert_finite(classifier: GMMClassifier, x: Tensor, labels: Tensor) -> None:
    """Densities, logits, both losses, their gradients and the whole state are finite."""
    classifier.zero_grad()
    reading = classifier.read(x)
    for values in (reading.features, reading.component_log_prob, reading.density, reading.logits):
        assert values.isfinite().all()
        assert values.dtype == torch.float32
    owner = classifier.assign(reading, labels)
    wanted = torch.where((labels >= 0) & (labels < classifier.num_classes), labels, -1)
    loss = F.cross_entropy(reading.logits, wanted, ignore_index=-1) + classifier.component_loss(reading, owner)
    loss.backward()  # type: ignore[no-untyped-call]
    assert loss.isfinite()
    for name, parameter in classifier.named_parameters():
        assert parameter.grad is None or parameter.grad.isfinite().all(), name
    classifier.update(reading.features.detach(), owner)
    for name, value in classifier.state_dict().items():
        assert value.isfinite().all(), name


# --- EM recovers a known mixture ---


class KnownMixture:
    """3 classes of 2 equally likely, well separated Gaussians in 8 dimensions."""

    def __init__(self, number: int) -> None:
        generator = chance(number)
        self.means = 3 * torch.randn(3, 2, 8, generator=generator)
        self.variances = 0.02 + 0.07 * torch.rand(3, 2, 8, generator=generator)
        assert torch.pdist(self.means.flatten(0, 1)).min() > 10 * self.variances.max().sqrt()

    def draw(self, side: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """x (1, 8, side, side) and labels (side * side,)."""
        labels = torch.randint(0, 3, (side * side,), generator=generator)
        component = torch.randint(0, 2, (side * side,), generator=generator)
        noise = torch.randn(side * side, 8, generator=generator)
        rows = self.means[labels, component] + self.variances[labels, component].sqrt() * noise
        return rows.reshape(1, side, side, 8).movedim(-1, 1), labels


@pytest.mark.parametrize("number", [0, 1, 2])
def test_recovers_a_known_mixture(number: int) -> None:
    known = KnownMixture(number)
    classifier = GMMClassifier(8, 3, components=2, dim=8, memory=2048, variance_floor=1e-4, seed=number)
    classifier.embed = Rows()
    classifier.pace(60)
    generator = chance(100 + number)
    held_out, held_labels = known.draw(50, chance(200 + number))
    rows = Rows()(held_out)

    def likelihood() -> float:
        """Mean log-likelihood of the held-out features under the mixture of their class, in nats."""
        density = classifier.read(held_out).density
        return float(density.gather(1, held_labels[:, None]).mean())

    course = []
    for _ in range(60):
        train(classifier, *known.draw(20, generator))
        course.append(likelihood())

    mean_error, variance_error = 0.0, 0.0
    for c in range(3):
        means, variances = classifier.mixture.means[c], classifier.mixture.variances[c]
        order = min(permutations(range(2)), key=lambda p, c=c, m=means: float((m[list(p)] - known.means[c]).norm()))  # type: ignore[misc]
        mean_error = max(mean_error, float((means[list(order)] - known.means[c]).abs().max()))
        variance_error = max(variance_error, float((variances[list(order)] / known.variances[c] - 1).abs().max()))
    # Seen: means within 0.017, variances within 10 %; 0.3 / sqrt(2048) = 0.007 and sqrt(2 / 2048) = 3 % are
    # one standard error of what the memory holds, and the largest of 48 is some three of them.
    assert mean_error < 0.05
    assert variance_error < 0.2
    truth = log_prob(rows, known.means, known.variances).logsumexp(dim=2) - math.log(2)
    best = float(truth.gather(1, held_labels[:, None]).mean())
    assert course[-1] > course[0]
    assert best - 0.1 < course[-1] < best + 0.02


# --- what changes what ---


def test_forward_changes_nothing() -> None:
    classifier = small_classifier()
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


def test_assign_and_losses_change_nothing() -> None:
    classifier = small_classifier().eval()
    x, labels = batch(0)
    reading = classifier.read(x)
    before = snapshot(classifier)
    owner = classifier.assign(reading, labels)
    assert torch.equal(owner, classifier.assign(reading, labels))
    classifier.component_loss(reading, owner)
    assert changed(before, classifier) == set()


def test_update_changes_the_mixture_the_bank_and_the_step_only() -> None:
    classifier = small_classifier()
    x, labels = batch(0)
    reading = classifier.read(x)
    features = reading.features.detach()
    owner = classifier.assign(reading, labels)
    before, inputs = snapshot(classifier), (features.clone(), owner.clone())
    identities = {name: id(value) for name, value in classifier.named_buffers()}
    classifier.update(features, owner)
    assert changed(before, classifier) == {
        "step", "mixture.means", "mixture.variances", "mixture.updates", "bank.features", "bank.count", "bank.pointer",
    }  # fmt: skip
    assert {name: id(value) for name, value in classifier.named_buffers()} == identities  # moved, not replaced
    assert torch.equal(features, inputs[0])
    assert torch.equal(owner, inputs[1])


def test_components_that_got_no_pixel_keep_everything() -> None:
    classifier = small_classifier()
    x, labels = batch(0)
    train(classifier, x, labels)
    before = snapshot(classifier)
    owner = torch.full((84,), UNASSIGNED)
    owner[:5] = 3
    classifier.update(classifier.read(x).features.detach(), owner)
    others = torch.arange(8) != 3
    for name in ("mixture.means", "mixture.variances", "mixture.updates"):
        old, new = before[name].flatten(0, 1), classifier.state_dict()[name].flatten(0, 1)
        assert torch.equal(old[others], new[others]), name
        assert not torch.equal(old[3], new[3]), name


def test_update_without_any_pixel_moves_only_the_step() -> None:
    classifier = small_classifier()
    x, _ = batch(0)
    train(classifier, *batch(0))
    before = snapshot(classifier)
    classifier.eval()
    classifier.update(classifier.read(x).features.detach(), torch.full((84,), UNASSIGNED))
    assert changed(before, classifier) == {"step"}


def test_no_gradient_reaches_the_mixture() -> None:
    classifier = small_classifier()
    x, labels = batch(0)
    train(classifier, x, labels)
    classifier(x).sum().backward()
    assert {name for name, _ in classifier.named_parameters()}.isdisjoint(
        f"mixture.{name}" for name, _ in classifier.mixture.named_buffers()
    )
    assert all(parameter.grad is not None for parameter in classifier.parameters())
    assert not any(buffer.requires_grad for buffer in classifier.buffers())


# --- the parts ---


def test_pace() -> None:
    classifier = GMMClassifier(4, 2, components=1, dim=4, memory=512, horizon=0.1)
    assert classifier.momentum == pytest.approx(1 - 1 / 200)  # 2000 steps until told otherwise
    assert classifier.samples == 3
    for iterations, momentum, samples in [(1, 0.0, 512), (10, 0.0, 512), (100, 0.9, 51), (10**6, 1 - 1e-5, 1)]:
        classifier.pace(iterations)
        assert classifier.momentum == pytest.approx(momentum)
        assert classifier.samples == samples


def test_first_updates_average_and_later_ones_decay() -> None:
    classifier = GMMClassifier(2, 1, components=1, dim=2, memory=4)
    classifier.pace(10_000)
    classifier.samples = 4  # each push renews the whole memory
    owner = torch.zeros(4, dtype=torch.int64)
    for value in (3.0, 5.0, 10.0):
        classifier.update(torch.full((4, 2), value), owner)
    torch.testing.assert_close(classifier.mixture.means, torch.full((1, 1, 2), 6.0))
    assert classifier.mixture.updates.item() == 3
    classifier.momentum = 0.5
    classifier.update(torch.full((4, 2), 7.0), owner)
    torch.testing.assert_close(classifier.mixture.means, torch.full((1, 1, 2), 6.5))
    torch.testing.assert_close(classifier.mixture.variances, torch.full((1, 1, 2), 0.25))


def test_forward_is_the_map_of_what_is_read() -> None:
    classifier = small_classifier()
    x, labels = batch(0)
    train(classifier, x, labels)
    classifier.eval()
    reading, logits = classifier.read(x), classifier(x)
    assert logits.shape == (2, 4, 6, 7)
    assert torch.equal(logits[1, :, 2, 3], reading.logits[42 + 2 * 7 + 3])
    posterior = classifier.posterior
    torch.testing.assert_close(reading.logits, 0.15 * reading.density + posterior.bias)
    norms = reading.features.norm(dim=1)
    assert ((norms - 1).abs() < 1e-5).all()


def test_assign_leaves_out_what_the_logits_get_wrong_once_seeded() -> None:
    classifier = small_classifier()
    x, labels = batch(0)
    reading = classifier.read(x)
    owner = classifier.assign(reading, labels)
    known = labels >= 0
    assert torch.equal(owner != UNASSIGNED, known)  # nothing is seeded: all labelled pixels count
    assert torch.equal(owner[known] // 2, labels[known])
    classifier.update(reading.features.detach(), owner)
    reading = classifier.read(x)
    right = reading.logits.argmax(dim=1) == labels
    assert (known & ~right).any()
    assert torch.equal(classifier.assign(reading, labels) != UNASSIGNED, known & right)


def test_component_loss_against_a_loop() -> None:
    classifier = small_classifier()
    x, labels = batch(0)
    train(classifier, x, labels)
    with torch.no_grad():
        reading = classifier.read(x)
    owner = classifier.assign(reading, labels)
    logs = reading.component_log_prob.double().flatten(1)
    losses = [logs[i].logsumexp(0) - logs[i, k] for i, k in enumerate(owner.tolist()) if k != UNASSIGNED]
    assert classifier.component_loss(reading, owner).item() == pytest.approx(0.01 * float(sum(losses)) / len(losses))
    assert classifier.component_loss(reading, torch.full_like(owner, UNASSIGNED)) == 0


# --- chance ---


def test_resumed_training_draws_the_same_update() -> None:
    one = small_classifier(seed=3)
    for number in range(3):
        train(one, *batch(number))
    other = small_classifier(seed=3)
    other.load_state_dict(snapshot(one))
    for number in range(3, 6):
        assert torch.equal(train(one, *batch(number)), train(other, *batch(number)))
        assert changed(snapshot(one), other) == set()
    stranger = small_classifier(seed=4)
    stranger.load_state_dict(snapshot(one))
    train(one, *batch(7))
    train(stranger, *batch(7))
    assert "bank.features" in changed(snapshot(one), stranger)


def test_seeds_draw_differently() -> None:
    drawn = [tuple(train(small_classifier(seed), *batch(0)).tolist()) for seed in range(8)]
    assert len(set(drawn)) > 4


def test_global_random_numbers_are_left_alone() -> None:
    classifier = small_classifier()
    x, labels = batch(0)
    before = torch.get_rng_state()
    for _ in range(2):  # seeding, then Sinkhorn
        train(classifier, x, labels)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("seed", [0, 2**24, 2**31 - 1, 2**63])
def test_any_seed_will_do(seed: int) -> None:
    train(small_classifier(seed), *batch(0))


# --- degenerate inputs ---


def test_a_class_that_is_absent_or_has_one_pixel() -> None:
    classifier = small_classifier()
    for number in range(4):
        x, labels = batch(number)
        labels[labels == 3] = -1
        labels[labels == 2] = 255
        labels[0] = 2
        assert_finite(classifier, x, labels)
    updates = classifier.mixture.updates
    assert (updates[3] == 0).all()
    assert updates[2].tolist()[0] >= 1
    assert updates[2].tolist()[1] == 0
    assert (classifier.mixture.variances[2, 0] == torch.tensor(classifier.variance_floor)).all()


def test_a_class_never_seen_is_far_less_likely_in_64_dimensions() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        classifier = GMMClassifier(6, 4, dim=64)
    x, labels = batch(0)
    labels[labels == 3] = -1
    for _ in range(3):
        train(classifier, x, labels)
    reading = classifier.read(x)
    known = labels >= 0
    own = reading.density.gather(1, labels.clamp(min=0)[:, None]).squeeze(1)
    assert (own - reading.density[:, 3])[known].mean() > 90  # nats; seen: 128
    assert not (reading.logits.argmax(dim=1) == 3).any()


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_identical_features(value: float) -> None:
    classifier = small_classifier()
    _, labels = batch(0)
    for _ in range(3):
        assert_finite(classifier, torch.full((2, 6, 6, 7), value), labels)
    assert_finite(classifier.eval(), torch.full((2, 6, 6, 7), value), labels)


@pytest.mark.parametrize("scale", [1e4, 1e-4])
@pytest.mark.parametrize("training", [True, False])
def test_scaled_decoder_features(scale: float, training: bool) -> None:
    classifier = small_classifier().train(training)
    for number in range(3):
        x, labels = batch(number)
        assert_finite(classifier, scale * x, labels)


def test_no_labelled_pixel_at_all() -> None:
    classifier = small_classifier()
    x, _ = batch(0)
    reading = classifier.read(x)
    owner = classifier.assign(reading, torch.full((84,), 255))
    assert (owner == UNASSIGNED).all()
    classifier.update(reading.features.detach(), owner)
    assert all(value.isfinite().all() for value in classifier.state_dict().values())


def test_half_precision_ends_before_the_densities() -> None:
    classifier = small_classifier()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        for number in range(3):
            assert_finite(classifier, *batch(number))
        x, labels = batch(5)
        assert classifier.embed.projection(x).dtype == torch.bfloat16  # autocast is at work
        reading = classifier.read(x)
        assert classifier(x).dtype == torch.float32
        assert classifier.component_loss(reading, classifier.assign(reading, labels)).dtype == torch.float32
    mixture = classifier.mixture
    assert torch.equal(reading.component_log_prob, log_prob(reading.features, mixture.means, mixture.variances))
