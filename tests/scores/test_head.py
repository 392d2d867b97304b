"""Energies of shaped features: ASH and SCALE against a loop over pixels, and their edges."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from gmmbench.errors import InputError
from gmmbench.prediction import Head, Prediction
from gmmbench.scores.ash import ash, pruned
from gmmbench.scores.head_energy import head_energy
from gmmbench.scores.scale import scale

Array = NDArray[np.float64]
SCORE = {"ash": ash, "scale": scale}


def prediction(channels: int = 20, classes: int = 5, size: tuple[int, int] = (7, 9), seed: int = 0) -> Prediction:
    """Features as after a ReLU, at the image's resolution."""
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(channels, *size, generator=generator).add_(0.5).relu_()
    head = Head(torch.randn(classes, channels, generator=generator), torch.randn(classes, generator=generator))
    logits = torch.einsum("cd,dhw->chw", head.weight, features) + head.bias[:, None, None]
    return Prediction(logits, features=features, head=head)


def plain(p: Prediction, percentile: float, prune: bool) -> Array:
    """Pixel by pixel, as the authors' code: top-k, two sums, exp of their ratio, energy."""
    assert p.features is not None
    assert p.head is not None
    weight, bias = p.head.weight.double().numpy(), p.head.bias.double().numpy()
    features = p.features.double().numpy()
    scores = np.empty(features.shape[1:])
    for y, x in np.ndindex(*scores.shape):
        f = features[:, y, x]
        keep = len(f) - int(np.round(len(f) * percentile / 100))
        top = np.zeros_like(f)
        largest = np.argsort(f)[-keep:]
        top[largest] = f[largest]
        shaped = (top if prune else f) * np.exp(f.sum() / top.sum())
        scores[y, x] = -np.log(np.exp(weight @ shaped + bias).sum())
    return scores


@pytest.mark.parametrize("name", SCORE)
@pytest.mark.parametrize("percentile", [50.0, 65.0, 85.0, 90.0])
@pytest.mark.parametrize(("channels", "classes"), [(20, 5), (33, 2), (130, 19)])
def test_against_a_loop(name: str, percentile: float, channels: int, classes: int) -> None:
    p = prediction(channels, classes)
    assert p.head is not None
    # Small weights: exp of the plain form must not overflow.
    small = Head(p.head.weight * 0.01, p.head.bias)
    p = Prediction(p.logits, features=p.features, head=small)
    ours = SCORE[name](p, percentile=percentile)
    assert ours.dtype == torch.float32
    np.testing.assert_allclose(ours, plain(p, percentile, name == "ash"), rtol=1e-4, atol=1e-5)


def test_defaults_are_the_authors() -> None:
    p = prediction()
    assert torch.equal(ash(p), ash(p, percentile=90))
    assert torch.equal(scale(p), scale(p, percentile=85))


def test_percentile_0_prunes_nothing_and_scales_by_e() -> None:
    p = prediction()
    assert p.features is not None
    assert p.head is not None
    expected = head_energy(p.features.flatten(1) * np.e, p.head, p)
    torch.testing.assert_close(ash(p, percentile=0), expected)
    torch.testing.assert_close(scale(p, percentile=0), expected)


@pytest.mark.parametrize("name", SCORE)
def test_the_order_of_channels_does_not_matter_even_where_they_tie(name: str) -> None:
    p = prediction(channels=30)
    assert p.features is not None
    assert p.head is not None
    clipped = p.features.clamp(max=0.8)  # many channels at 0 and at 0.8, as after a ReLU6
    order = torch.randperm(30, generator=torch.Generator().manual_seed(1))
    here = Prediction(p.logits, features=clipped, head=p.head)
    there = Prediction(p.logits, features=clipped[order], head=Head(p.head.weight[:, order], p.head.bias))
    torch.testing.assert_close(SCORE[name](there), SCORE[name](here), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", SCORE)
def test_a_pixel_without_activation_has_the_energy_of_the_bias(name: str) -> None:
    p = prediction(size=(1, 2))
    assert p.features is not None
    assert p.head is not None
    p.features[:, 0, 1] = 0
    score = SCORE[name](p)[0, 1]
    assert score.item() == pytest.approx(-p.head.bias.logsumexp(dim=0).item(), rel=1e-6)


@pytest.mark.parametrize("name", SCORE)
@pytest.mark.parametrize("shift", [-0.5, -3.0, -100.0])
def test_signed_features_stay_finite(name: str, shift: float) -> None:
    p = prediction()
    assert p.features is not None
    signed = Prediction(p.logits, features=p.features + shift, head=p.head)
    assert SCORE[name](signed).isfinite().all()


def test_the_ratio_is_bounded_by_the_share_kept() -> None:
    features = torch.rand(20, 50, generator=torch.Generator().manual_seed(2))
    kept, ratio = pruned(features, 90.0)
    assert ((kept > 0).sum(dim=0) == 2).all()
    assert (ratio >= 1).all()
    assert (ratio <= 10).all()
    assert pruned(torch.full((20, 1), 3.0), 90.0)[1].item() == pytest.approx(1)  # all tie: all kept
    assert pruned(torch.full((20, 1), -3.0).index_fill(0, torch.tensor([0]), -1e-9), 95.0)[1].item() == 20


@pytest.mark.parametrize("name", SCORE)
def test_features_are_left_alone(name: str) -> None:
    p, again = prediction(), prediction()
    SCORE[name](p)
    assert p.features is not None
    assert again.features is not None
    assert torch.equal(p.features, again.features)


@pytest.mark.parametrize("name", SCORE)
def test_the_score_is_brought_to_the_image(name: str) -> None:
    p = prediction(size=(5, 6))
    small = SCORE[name](p)
    at_image = SCORE[name](Prediction(torch.zeros(5, 20, 24), features=p.features, head=p.head))
    expected = F.interpolate(small[None, None], size=(20, 24), mode="bilinear", align_corners=False)[0, 0]
    torch.testing.assert_close(at_image, expected)


@pytest.mark.parametrize("name", SCORE)
@pytest.mark.parametrize("percentile", [-1.0, 100.0, 150.0, float("nan")])
def test_a_percentile_out_of_range_is_refused(name: str, percentile: float) -> None:
    with pytest.raises(InputError, match="wanted 0 or more, below 100"):
        SCORE[name](prediction(), percentile=percentile)


@pytest.mark.parametrize("name", ["ash", "scale"])
def test_one_channel_is_kept_of_however_few(name: str) -> None:
    assert torch.equal(SCORE[name](prediction(), percentile=99.9), SCORE[name](prediction(), percentile=95))


@pytest.mark.parametrize("name", ["ash", "scale"])
def test_features_that_are_nan_are_not_hidden(name: str) -> None:
    p = prediction()
    assert p.features is not None
    p.features[:, 0, 0] = torch.nan
    assert SCORE[name](p)[0, 0].isnan()


@pytest.mark.parametrize("name", SCORE)
def test_what_is_missing_is_named(name: str) -> None:
    p = prediction()
    with pytest.raises(InputError, match="needs a linear classifier"):
        SCORE[name](Prediction(p.logits, features=p.features))
    with pytest.raises(InputError, match="needs features"):
        SCORE[name](Prediction(p.logits, head=p.head))
