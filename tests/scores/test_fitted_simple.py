"""ReAct, DICE, KL-matching and SML: fits and scores against numpy and scipy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import ndimage, stats
from torch import Tensor

from gmmbench.errors import InputError
from gmmbench.prediction import Head, Prediction
from gmmbench.scores import FITTED
from gmmbench.scores.dice import dice
from gmmbench.scores.dice import fit as fit_dice
from gmmbench.scores.head_energy import head_energy
from gmmbench.scores.kl_matching import fit as fit_kl
from gmmbench.scores.kl_matching import kl_matching
from gmmbench.scores.react import fit as fit_react
from gmmbench.scores.react import react
from gmmbench.scores.sml import fit as fit_sml
from gmmbench.scores.sml import sml, smoothed, suppressed
from gmmbench.scores.training_pixels import TrainingPixels

Array = NDArray[np.float64]
OURS = ["react", "dice", "kl_matching", "sml"]


def rng(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def training(
    classes: int = 5, channels: int = 12, number: int = 300, seed: int = 0, spread: float = 3.0
) -> TrainingPixels:
    features = torch.randn(number, channels, generator=rng(seed)).relu_()
    head = Head(torch.randn(classes, channels, generator=rng(seed + 1)), torch.randn(classes, generator=rng(seed + 2)))
    logits = spread * torch.randn(number, classes, generator=rng(seed + 3))
    return TrainingPixels(features, logits, torch.randint(classes, (number,), generator=rng(seed)), head)


def prediction(
    pixels: TrainingPixels, size: tuple[int, int] = (9, 11), seed: int = 9, spread: float = 3.0
) -> Prediction:
    """An image of such pixels, features at its resolution, logits of their own."""
    features = torch.randn(pixels.features.shape[1], *size, generator=rng(seed)).relu_()
    return Prediction(spread * torch.randn(pixels.classes, *size, generator=rng(seed + 1)), None, features, pixels.head)


def plain_energy(features: Array, weight: Array, bias: Array) -> Array:
    """(D, h, w) features to (h, w)."""
    return np.asarray(-np.log(np.exp(np.tensordot(weight, features, 1) + bias[:, None, None]).sum(0)))


def arrays(p: Prediction) -> tuple[Array, Array, Array]:
    assert p.features is not None
    assert p.head is not None
    return p.features.double().numpy(), p.head.weight.double().numpy(), p.head.bias.double().numpy()


@pytest.mark.parametrize("name", OURS)
def test_fit_and_score_leave_their_inputs_alone(name: str) -> None:
    pixels, again = training(), training()
    p, p_again = prediction(pixels), prediction(pixels)
    score = FITTED[name].bound(FITTED[name].fitted(pixels))(p)
    assert score.shape == (9, 11)
    assert score.dtype == torch.float32
    assert score.isfinite().all()
    assert torch.equal(pixels.features, again.features)
    assert torch.equal(pixels.logits, again.logits)
    assert torch.equal(p.logits, p_again.logits)
    assert p.features is not None
    assert p_again.features is not None
    assert torch.equal(p.features, p_again.features)


@pytest.mark.parametrize("name", OURS)
def test_the_order_of_training_pixels_does_not_matter(name: str) -> None:
    pixels = training()
    order = torch.randperm(300, generator=rng(5))
    shuffled = TrainingPixels(pixels.features[order], pixels.logits[order], pixels.labels[order], pixels.head)
    here, there = FITTED[name].fitted(pixels), FITTED[name].fitted(shuffled)
    assert here.keys() == there.keys()
    for key, value in here.items():
        assert value.dtype == torch.float32
        torch.testing.assert_close(there[key], value)


# ReAct


@pytest.mark.parametrize("quantile", [0.0, 0.3, 0.9, 0.999, 1.0])
@pytest.mark.parametrize("number", [1, 2, 301])
def test_react_limit_is_numpys_quantile(quantile: float, number: int) -> None:
    pixels = training(number=number)
    limit = fit_react(pixels, quantile=quantile)["limit"]
    assert limit.item() == pytest.approx(np.quantile(pixels.features.double().numpy(), quantile), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("quantile", [0.5, 0.9])
def test_react_against_numpy(quantile: float) -> None:
    pixels = training()
    p = prediction(pixels)
    features, weight, bias = arrays(p)
    limit = np.quantile(pixels.features.double().numpy(), quantile)
    ours = react(p, fit_react(pixels, quantile=quantile))
    np.testing.assert_allclose(ours, plain_energy(np.minimum(features, limit), weight, bias), rtol=1e-5, atol=1e-5)


def test_react_without_a_limit_is_the_energy_of_the_head() -> None:
    pixels = training()
    p = prediction(pixels)
    assert p.features is not None
    assert p.head is not None
    assert torch.equal(react(p, {"limit": torch.tensor(1e9)}), head_energy(p.features.flatten(1), p.head, p))


@pytest.mark.parametrize("quantile", [-0.1, 1.1, float("nan")])
def test_react_refuses_a_quantile_that_is_none(quantile: float) -> None:
    with pytest.raises(InputError, match=r"react@quantile=.*wanted 0 to 1"):
        fit_react(training(), quantile=quantile)


# DICE


@pytest.mark.parametrize("sparsity", [0.0, 0.5, 0.7, 0.9])
def test_dice_against_numpy(sparsity: float) -> None:
    pixels = training()
    p = prediction(pixels)
    features, weight, bias = arrays(p)
    contribution = weight * pixels.features.double().numpy().mean(0)
    kept = np.where(contribution > np.percentile(contribution, 100 * sparsity), weight, 0)
    ours = dice(p, fit_dice(pixels), sparsity=sparsity)
    np.testing.assert_allclose(ours, plain_energy(features, kept, bias), rtol=1e-5, atol=1e-5)
    assert np.count_nonzero(kept) / kept.size == pytest.approx(1 - sparsity, abs=0.05)


def test_dice_takes_seventy_percent() -> None:
    pixels = training()
    p, state = prediction(pixels), fit_dice(pixels)
    assert torch.equal(dice(p, state), dice(p, state, sparsity=0.7))


@pytest.mark.parametrize("sparsity", [-0.1, 1.0, float("nan")])
def test_dice_refuses_a_sparsity_that_leaves_nothing(sparsity: float) -> None:
    pixels = training()
    with pytest.raises(InputError, match="dice@sparsity="):
        dice(prediction(pixels), fit_dice(pixels), sparsity=sparsity)


@pytest.mark.parametrize("name", ["react", "dice"])
def test_scores_of_the_head_need_one(name: str) -> None:
    pixels = training()
    state = FITTED[name].fitted(pixels)
    with pytest.raises(InputError, match="needs a linear classifier"):
        FITTED[name].bound(state)(Prediction(torch.zeros(5, 9, 11), features=torch.zeros(12, 9, 11)))


# KL-matching


def plain_templates(logits: Array) -> Array:
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    predicted = logits.argmax(1)
    return np.stack([p[predicted == k].mean(0) for k in range(logits.shape[1]) if (predicted == k).any()])


@pytest.mark.parametrize(("classes", "size"), [(2, (5, 7)), (5, (33, 3)), (19, (70, 4))])
def test_kl_matching_against_scipy(classes: int, size: tuple[int, int]) -> None:
    pixels = training(classes)
    p = prediction(pixels, size)
    templates = plain_templates(pixels.logits.double().numpy())
    posterior = p.logits.double().softmax(dim=0).numpy()
    plain = np.min([stats.entropy(posterior, d[:, None, None], axis=0) for d in templates], axis=0)
    state = fit_kl(pixels)
    np.testing.assert_allclose(state["log_templates"].exp(), templates, rtol=1e-5)
    np.testing.assert_allclose(kl_matching(p, state), plain, rtol=1e-5, atol=2e-6)


def test_kl_matching_leaves_out_a_class_never_predicted() -> None:
    pixels = training()
    pixels.logits[:, 3] = -20
    state = fit_kl(pixels)
    assert state["log_templates"].shape == (4, 5)
    templates = plain_templates(pixels.logits.double().numpy())
    np.testing.assert_allclose(state["log_templates"].exp(), templates, rtol=1e-5)
    sure_of_it = torch.full((5, 1, 1), -20.0)
    sure_of_it[3] = 20
    assert kl_matching(Prediction(sure_of_it), state).item() > 10


def test_kl_matching_of_a_template_is_zero() -> None:
    state = fit_kl(training())
    scores = kl_matching(Prediction(state["log_templates"].t()[:, None]), state)
    np.testing.assert_allclose(scores, 0, atol=1e-6)


def test_kl_matching_of_huge_logits_is_finite() -> None:
    pixels = training(spread=1e4)
    state = fit_kl(pixels)
    assert state["log_templates"].isfinite().all()
    assert kl_matching(prediction(pixels, spread=1e4), state).isfinite().all()


# SML


def test_sml_fit_against_numpy() -> None:
    pixels = training()
    best, predicted = pixels.logits.double().numpy().max(1), pixels.logits.numpy().argmax(1)
    state = fit_sml(pixels)
    for k in range(5):
        assert state["mean"][k].item() == pytest.approx(best[predicted == k].mean(), rel=1e-6)
        assert state["std"][k].item() == pytest.approx(best[predicted == k].std(ddof=1), rel=1e-6)


def test_sml_gives_a_class_without_two_pixels_the_statistics_of_all() -> None:
    logits = torch.tensor([[3.0, 0, 0], [5.0, 0, 0], [0, 4.0, 0]])
    state = fit_sml(TrainingPixels(torch.zeros(3, 1), logits, torch.zeros(3, dtype=torch.int64)))
    assert state["mean"].tolist() == [4, 4, 4]
    assert state["std"].tolist() == pytest.approx([np.sqrt(2), 1, 1])


@pytest.mark.parametrize("number", [1, 4])
def test_sml_refuses_pixels_that_do_not_differ(number: int) -> None:
    pixels = TrainingPixels(torch.zeros(number, 1), torch.ones(number, 3), torch.zeros(number, dtype=torch.int64))
    with pytest.raises(InputError, match=f"max logits of {number} training pixels do not differ"):
        fit_sml(pixels)


def blocks(height: int, width: int, classes: int, seed: int) -> Tensor:
    """(height, width) class numbers in patches of several pixels."""
    coarse = torch.randint(classes, (1, 1, height // 5 + 1, width // 5 + 1), generator=rng(seed)).float()
    return torch.nn.functional.interpolate(coarse, size=(height, width))[0, 0].long()


def plain_suppressed(scores: Array, predicted: NDArray[np.int64]) -> Array:
    """The authors' algorithm with scipy's morphology and a loop over pixels."""
    cross = ndimage.generate_binary_structure(2, 1)
    dilated = ndimage.grey_dilation(predicted, footprint=cross, mode="nearest")
    edge = dilated != ndimage.grey_erosion(predicted, size=(3, 3), mode="nearest")
    for width in (3, 2, 1, 0):
        wide = ndimage.binary_dilation(edge, cross, iterations=width) if width else edge
        values, inside = np.pad(scores, 1, mode="edge"), np.pad(~wide, 1, mode="edge")
        scores = scores.copy()
        for y, x in zip(*np.nonzero(wide), strict=True):
            window = inside[y : y + 3, x : x + 3]
            if window.any():
                scores[y, x] = values[y : y + 3, x : x + 3][window].mean()
    return scores


@pytest.mark.parametrize(("height", "width", "classes"), [(31, 37, 4), (20, 6, 19), (3, 3, 2), (1, 8, 3)])
def test_suppression_against_scipy_and_a_loop(height: int, width: int, classes: int) -> None:
    scores = torch.randn(height, width, generator=rng(1))
    predicted = blocks(height, width, classes, 2)
    plain = plain_suppressed(scores.double().numpy(), predicted.numpy())
    np.testing.assert_allclose(suppressed(scores, predicted), plain, rtol=1e-5, atol=1e-6)


def test_suppression_leaves_the_inside_and_wipes_out_a_ridge() -> None:
    predicted = torch.zeros(20, 30, dtype=torch.int64)
    predicted[:, 15:] = 1
    scores = torch.zeros(20, 30)
    scores[:, 14:16] = 7  # anomalous along the boundary alone
    assert suppressed(scores, predicted).abs().max() == 0
    alone = torch.randn(20, 30, generator=rng(3))
    assert torch.equal(suppressed(alone, torch.zeros_like(predicted)), alone)
    assert torch.equal(suppressed(alone, predicted)[:, :10], alone[:, :10])


@pytest.mark.parametrize(("height", "width"), [(50, 41), (7, 3), (1, 1)])
def test_smoothing_against_scipy(height: int, width: int) -> None:
    scores = torch.randn(height, width, generator=rng(4))
    y, x = np.mgrid[-3:4, -3:4]
    kernel = np.zeros((37, 37))
    kernel[::6, ::6] = np.exp(-(x**2 + y**2) / 2)
    plain = ndimage.convolve(scores.double().numpy(), kernel / kernel.sum(), mode="nearest")
    np.testing.assert_allclose(smoothed(scores), plain, rtol=1e-5, atol=1e-6)


def test_sml_standardises_then_suppresses_then_smooths() -> None:
    pixels = training()
    predicted = blocks(40, 50, 5, 6)
    logits = torch.randn(5, 40, 50, generator=rng(7)).scatter_(
        0, predicted[None], 5 + torch.rand(1, 40, 50, generator=rng(8))
    )
    state = fit_sml(pixels)
    mean, std = state["mean"].double().numpy(), state["std"].double().numpy()
    number = predicted.numpy()
    plain = -(logits.amax(dim=0).double().numpy() - mean[number]) / std[number]
    p = Prediction(logits)
    np.testing.assert_allclose(sml(p, state, suppress=False, smooth=False), plain, rtol=1e-5, atol=1e-5)
    inside = plain_suppressed(plain, number)
    np.testing.assert_allclose(sml(p, state, smooth=False), inside, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(sml(p, state), smoothed(torch.from_numpy(inside).float()), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(
        sml(p, state, suppress=False), smoothed(torch.from_numpy(plain).float()), rtol=1e-4, atol=1e-5
    )


def test_sml_of_training_pixels_has_mean_0_and_variance_1_in_each_class() -> None:
    pixels = training()
    scores = sml(Prediction(pixels.logits.t()[:, None]), fit_sml(pixels), suppress=False, smooth=False)[0]
    predicted = pixels.logits.argmax(dim=1)
    for k in range(5):
        assert scores[predicted == k].mean().item() == pytest.approx(0, abs=1e-5)
        assert scores[predicted == k].std().item() == pytest.approx(1, rel=1e-5)


def test_kl_matching_may_be_given_rows_and_sml_may_not() -> None:
    state = {"log_templates": torch.randn(3, 5, generator=torch.Generator().manual_seed(0)).log_softmax(dim=1)}
    assert FITTED["kl_matching"].bound(state).pixelwise
    assert not FITTED["sml"].bound({}).pixelwise
    p = Prediction(torch.randn(5, 9, 7, generator=torch.Generator().manual_seed(1)))
    parts = [kl_matching(p.rows(start, start + 4), state) for start in range(0, 9, 4)]
    torch.testing.assert_close(torch.cat(parts), kl_matching(p, state))
