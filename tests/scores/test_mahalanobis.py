"""The four Mahalanobis distances against scikit-learn and plain numpy, and on training sets that have no inverse."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.covariance import EmpiricalCovariance
from torch import Tensor
from torch.nn import functional as F

from gmmbench.errors import InputError
from gmmbench.prediction import Prediction
from gmmbench.scores import mahalanobis, mahalanobis_class, mahalanobis_pp, relative_mahalanobis
from gmmbench.scores.registry import FITTED
from gmmbench.scores.training_pixels import State, TrainingPixels

Array = NDArray[np.float64]
MODULES = {
    "mahalanobis": mahalanobis,
    "mahalanobis_class": mahalanobis_class,
    "relative_mahalanobis": relative_mahalanobis,
    "mahalanobis_pp": mahalanobis_pp,
}


def training(classes: int = 5, dim: int = 12, number: int = 2000, seed: int = 0) -> TrainingPixels:
    """Correlated Gaussians of differing covariances, far from the origin."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    labels = torch.randint(classes, (number,), generator=generator)
    mixing = normal(classes, dim, dim) / dim**0.5
    features = 3 + normal(classes, dim)[labels] + (mixing[labels] @ normal(number, dim, 1)).squeeze(2)
    return TrainingPixels(features, normal(number, classes), labels)


def asked(dim: int = 12, size: tuple[int, int] = (6, 7), classes: int = 5) -> Prediction:
    """Features at the image's own resolution, so that nothing is interpolated."""
    generator = torch.Generator().manual_seed(99)
    features = 3 + 2 * torch.randn(dim, *size, generator=generator)
    return Prediction(torch.zeros(classes, *size), features=features)


def rows(p: Prediction) -> Array:
    assert p.features is not None
    return np.asarray(p.features.flatten(1).t().double().numpy())


def squares(x: Array, mean: Array, covariance: Array) -> Array:
    off = x - mean
    return np.asarray(np.einsum("nd,de,ne->n", off, np.linalg.inv(covariance), off))


def groups(features: Array, labels: NDArray[np.int64]) -> tuple[list[Array], Array]:
    """Features of each class that has any, and all features about their class's mean."""
    own = [features[labels == c] for c in np.unique(labels)]
    return own, np.concatenate([x - x.mean(0) for x in own])


def tied(x: Array, features: Array, labels: NDArray[np.int64]) -> Array:
    own, centred = groups(features, labels)
    covariance = centred.T @ centred / len(centred)
    return np.stack([squares(x, mine.mean(0), covariance) for mine in own])


def plain(name: str, x: Array, pixels: TrainingPixels) -> Array:
    """The papers' formulas, one matrix inverse after another."""
    features, labels = pixels.features.double().numpy(), pixels.labels.numpy()
    if name == "mahalanobis":
        return np.asarray(tied(x, features, labels).min(0))
    if name == "mahalanobis_pp":
        unit = features / np.linalg.norm(features, axis=1, keepdims=True)
        return np.asarray(tied(x / np.linalg.norm(x, axis=1, keepdims=True), unit, labels).min(0))
    if name == "relative_mahalanobis":
        background = squares(x, features.mean(0), np.atleast_2d(np.cov(features.T, bias=True)))
        return np.asarray((tied(x, features, labels) - background).min(0))
    own, centred = groups(features, labels)
    common, dim = centred.T @ centred / len(centred), x.shape[1]
    drawn = [(len(m) * np.atleast_2d(np.cov(m.T, bias=True)) + dim * common) / (len(m) + dim) for m in own]
    return np.min([squares(x, m.mean(0), s) for m, s in zip(own, drawn, strict=True)], axis=0)


def score(name: str, p: Prediction, state: State) -> Tensor:
    compute: Callable[[Prediction, State], Tensor] = getattr(MODULES[name], name)
    return compute(p, state)


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize(("classes", "dim"), [(5, 12), (2, 12), (1, 3), (9, 4), (3, 1), (3, 131)])
def test_against_numpy(name: str, classes: int, dim: int) -> None:
    pixels, p = training(classes, dim), asked(dim, classes=classes)
    ours = score(name, p, MODULES[name].fit(pixels))
    assert ours.shape == (6, 7)
    assert ours.dtype == torch.float32
    wanted = plain(name, rows(p), pixels)
    # A difference of large numbers is precise to the size of these.
    size = plain("mahalanobis", rows(p), pixels).max()
    np.testing.assert_allclose(ours.flatten().numpy(), wanted, rtol=2e-4, atol=1e-6 * size)


@pytest.mark.parametrize("name", ["mahalanobis", "mahalanobis_pp"])
def test_tied_against_scikit_learn(name: str) -> None:
    pixels, p = training(), asked()
    x, features = torch.from_numpy(rows(p)), pixels.features.double()
    if name == "mahalanobis_pp":
        x, features = F.normalize(x, dim=1), F.normalize(features, dim=1)
    own, centred = groups(features.numpy(), pixels.labels.numpy())
    common = EmpiricalCovariance(assume_centered=True).fit(centred)
    wanted = np.min([common.mahalanobis(x.numpy() - mine.mean(0)) for mine in own], axis=0)
    ours = score(name, p, MODULES[name].fit(pixels))
    np.testing.assert_allclose(ours.flatten().numpy(), wanted, rtol=2e-5)


def test_per_class_against_scikit_learn() -> None:
    pixels, p = training(), asked()
    own, _ = groups(pixels.features.double().numpy(), pixels.labels.numpy())
    wanted = np.min([EmpiricalCovariance().fit(mine).mahalanobis(rows(p)) for mine in own], axis=0)
    ours = score("mahalanobis_class", p, mahalanobis_class.fit(pixels, prior=0.0))
    np.testing.assert_allclose(ours.flatten().numpy(), wanted, rtol=2e-5)


@pytest.mark.parametrize("name", MODULES)
def test_the_image_does_not_depend_on_where_blocks_end(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    state, p = MODULES[name].fit(training()), asked()
    whole = score(name, p, state)
    monkeypatch.setattr("gmmbench.scores.gaussian.BLOCK", 60)
    torch.testing.assert_close(score(name, p, state), whole, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", MODULES)
def test_order_and_chunks_of_training_pixels_change_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = training()
    order = torch.randperm(len(pixels.labels), generator=torch.Generator().manual_seed(1))
    shuffled = TrainingPixels(pixels.features[order], pixels.logits[order], pixels.labels[order])
    before = score(name, asked(), MODULES[name].fit(pixels))
    monkeypatch.setattr("gmmbench.scores.gaussian.FIT_ROWS", 77)
    torch.testing.assert_close(score(name, asked(), MODULES[name].fit(shuffled)), before, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("name", ["mahalanobis", "mahalanobis_class", "relative_mahalanobis"])
def test_a_linear_map_of_features_changes_nothing(name: str) -> None:
    generator = torch.Generator().manual_seed(5)
    turn = torch.randn(12, 12, generator=generator) + 4 * torch.eye(12)
    pixels, p = training(), asked()
    assert p.features is not None
    mapped = TrainingPixels(pixels.features @ turn.t() + 1, pixels.logits, pixels.labels)
    moved = Prediction(p.logits, features=torch.einsum("de,ehw->dhw", turn, p.features) + 1)
    ours = score(name, moved, MODULES[name].fit(mapped))
    torch.testing.assert_close(ours, score(name, p, MODULES[name].fit(pixels)), rtol=1e-3, atol=1e-2)


def constant_channel(pixels: TrainingPixels) -> TrainingPixels:
    pixels.features[:, 3] = 3.0
    return pixels


def nothing_varies(pixels: TrainingPixels) -> TrainingPixels:
    return TrainingPixels(torch.full_like(pixels.features, 2.5), pixels.logits, pixels.labels)


def first(number: int) -> Callable[[TrainingPixels], TrainingPixels]:
    return lambda pixels: TrainingPixels(*(x[:number] for x in (pixels.features, pixels.logits, pixels.labels)))


def lonely_and_absent(pixels: TrainingPixels) -> TrainingPixels:
    """One pixel of class 0, none of class 1."""
    labels = torch.where(pixels.labels < 2, 2, pixels.labels)
    labels[0] = 0
    return TrainingPixels(pixels.features, pixels.logits, labels)


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize(
    "spoil", [constant_channel, nothing_varies, first(7), first(1), lonely_and_absent], ids=lambda f: f.__name__
)
def test_what_has_no_inverse_stays_finite(name: str, spoil: Callable[[TrainingPixels], TrainingPixels]) -> None:
    state = MODULES[name].fit(spoil(training()))
    assert all(value.isfinite().all() for value in state.values())
    assert score(name, asked(), state).isfinite().all()


@pytest.mark.parametrize("module", [mahalanobis, mahalanobis_class])
def test_a_channel_that_never_varied_in_training_tells_an_anomaly(module: ModuleType) -> None:
    state, p = module.fit(constant_channel(training())), asked()
    assert p.features is not None
    p.features[3] = 3.0
    usual = score(module.__name__.split(".")[-1], p, state)
    p.features[3, 2, 2] = 3.5
    changed = score(module.__name__.split(".")[-1], p, state)
    assert usual.max() < 1e4
    assert changed[2, 2] > 1e6
    changed[2, 2] = usual[2, 2]
    torch.testing.assert_close(changed, usual)


def test_a_class_of_one_pixel_has_nearly_the_tied_covariance() -> None:
    pixels = lonely_and_absent(training())
    off = 0.1 * torch.randn(12, 6, 7, generator=torch.Generator().manual_seed(3))
    p = Prediction(torch.zeros(5, 6, 7), features=pixels.features[0][:, None, None] + off)
    ours, common = (score(name, p, MODULES[name].fit(pixels)) for name in ("mahalanobis_class", "mahalanobis"))
    torch.testing.assert_close(ours, common * 13 / 12, rtol=1e-3, atol=1e-6)


def test_an_absent_class_leaves_no_trace() -> None:
    pixels = training(classes=3)
    later = TrainingPixels(pixels.features, pixels.logits, pixels.labels + 2)
    for name, module in MODULES.items():
        assert torch.equal(score(name, asked(), module.fit(later)), score(name, asked(), module.fit(pixels)))


def test_one_class_is_no_farther_than_the_background() -> None:
    assert (score("relative_mahalanobis", asked(), relative_mahalanobis.fit(training(classes=1))) == 0).all()


def test_the_score_is_brought_to_the_image_as_logits_are() -> None:
    p = asked()
    state = mahalanobis.fit(training())
    small = score("mahalanobis", p, state)
    large = score("mahalanobis", Prediction(torch.zeros(5, 12, 21), features=p.features), state)
    wanted = F.interpolate(small[None, None], size=(12, 21), mode="bilinear", align_corners=False)[0, 0]
    torch.testing.assert_close(large, wanted)


@pytest.mark.parametrize("name", MODULES)
def test_refusals(name: str) -> None:
    with pytest.raises(InputError, match="needs features"):
        score(name, Prediction(torch.zeros(5, 6, 7)), MODULES[name].fit(training()))
    assert FITTED[name].fit is MODULES[name].fit


def test_prior_out_of_range() -> None:
    with pytest.raises(InputError, match="prior=-1"):
        mahalanobis_class.fit(training(), prior=-1.0)


def test_unit_length_of_zeros_is_zeros() -> None:
    p = asked()
    assert p.features is not None
    p.features[:, 0, 0] = 0
    assert score("mahalanobis_pp", p, mahalanobis_pp.fit(training())).isfinite().all()


def test_classes_far_apart_keep_their_digits() -> None:
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(3000) % 3
    means = 1000.0 * torch.randn(3, 8, generator=generator)
    pixels = TrainingPixels(means[labels] + torch.randn(3000, 8, generator=generator), torch.zeros(3000, 3), labels)
    state = mahalanobis.fit(pixels)
    features = pixels.features[:48]
    found = mahalanobis.mahalanobis(Prediction(torch.zeros(3, 6, 8), features=features.t().reshape(8, 6, 8)), state)
    groups = [pixels.features[labels == k].double() for k in range(3)]
    within = sum((group - group.mean(dim=0)).t() @ (group - group.mean(dim=0)) for group in groups) / 3000
    inverse = torch.linalg.inv(within)
    off = [features.double() - group.mean(dim=0) for group in groups]
    wanted = torch.stack([(each @ inverse * each).sum(dim=1) for each in off]).amin(dim=0)
    torch.testing.assert_close(found.flatten().double(), wanted, rtol=5e-3, atol=0)
