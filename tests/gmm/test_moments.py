"""Moments against numpy's weighted ones; and that no order and no chunking changes them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from gmmbench.gmm.moments import LEAST, Moments, about, gather_moments, merge, no_moments

CLASSES, COMPONENTS, DIM = 3, 2, 5


def draw(number: int, n: int = 200, *, soft: bool = True, offset: float = 0.0) -> tuple[Tensor, Tensor, Tensor]:
    """features (N, D), responsibility (N, M), labels (N,)."""
    generator = torch.Generator().manual_seed(number)
    features = torch.randn(n, DIM, generator=generator) @ torch.randn(DIM, DIM, generator=generator) + offset
    logs = torch.randn(n, COMPONENTS, generator=generator)
    shares = logs.softmax(dim=1) if soft else F.one_hot(logs.argmax(dim=1), COMPONENTS).float()
    return features, shares, torch.randint(0, CLASSES, (n,), generator=generator)


def gathered(rows: tuple[Tensor, Tensor, Tensor], joint: bool) -> Moments:
    return gather_moments(*rows, CLASSES, joint=joint)


def by_numpy(rows: tuple[Tensor, Tensor, Tensor]) -> tuple[NDArray[np.float64], ...]:
    """Weights, means and covariances in float64, a component at a time."""
    features, shares = (tensor.double().numpy() for tensor in rows[:2])
    labels = rows[2].numpy()
    groups = [(features[labels == c], shares[labels == c, m]) for c in range(CLASSES) for m in range(COMPONENTS)]
    return (
        np.array([share.sum() for _, share in groups]),
        np.array([np.average(x, axis=0, weights=share) for x, share in groups]),
        np.array([np.cov(x, rowvar=False, aweights=share, ddof=0) for x, share in groups]),
    )


def assert_same(one: Moments, other: Moments, tolerance: float = 1e-5) -> None:
    for ours, theirs in zip(one, other, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("offset", [0.0, 1e4])
@pytest.mark.parametrize("soft", [True, False])
@pytest.mark.parametrize("joint", [True, False])
def test_against_numpy(joint: bool, soft: bool, offset: float) -> None:
    rows = draw(0, soft=soft, offset=offset)
    weight, mean, spread = by_numpy(rows)
    ours = gathered(rows, joint)
    np.testing.assert_allclose(ours.weight, weight, rtol=1e-5)
    # Float32 knows a mean of 10,000 to a few thousandths, and the spread about it to their square.
    np.testing.assert_allclose(ours.mean, mean, rtol=1e-6, atol=1e-5)
    wanted = spread if joint else np.diagonal(spread, axis1=1, axis2=2)
    np.testing.assert_allclose(ours.spread, wanted, rtol=1e-4, atol=1e-4)
    assert all(part.dtype == torch.float32 for part in ours)


@pytest.mark.parametrize("joint", [True, False])
def test_shapes_and_what_nothing_came_of(joint: bool) -> None:
    features, shares, labels = draw(1)
    labels[labels == 1] = 2
    shares[labels == 0] = torch.tensor([1.0, 0.0])
    moments = gathered((features, shares, labels), joint)
    assert moments.weight.tolist()[1:4] == [0, 0, 0]
    for group in (1, 2, 3):
        assert not moments.mean[group].any()
        assert not moments.spread[group].any()
    assert moments.spread.shape == ((6, DIM, DIM) if joint else (6, DIM))
    none = gathered((features[:0], shares[:0], labels[:0]), joint)
    for part, empty in zip(none, no_moments(6, DIM, joint=joint), strict=True):
        assert torch.equal(part, empty)


def test_rows_of_zeros_do_not_count() -> None:
    features, shares, labels = draw(2)
    shares[::2] = 0
    assert_same(
        gathered((features, shares, labels), True), gathered((features[1::2], shares[1::2], labels[1::2]), True)
    )


@pytest.mark.parametrize("share", [1.0, 1e-6, LEAST, LEAST / 10, 1e-44])
def test_a_tiny_share_is_a_feature_or_nothing(share: float) -> None:
    features = torch.full((1, DIM), 3.0)
    moments = gather_moments(features, torch.tensor([[share]]), torch.zeros(1, dtype=torch.int64), 1, joint=True)
    counts = share >= LEAST / 2
    assert bool(moments.weight > 0) == counts
    torch.testing.assert_close(moments.mean, features if counts else torch.zeros(1, DIM))
    assert not moments.spread.any()


@pytest.mark.parametrize("offset", [0.0, 1e4])
@pytest.mark.parametrize("joint", [True, False])
@pytest.mark.parametrize("sizes", [[200], [100, 100], [1] * 20 + [180], [199, 0, 1], [7, 93, 60, 40]])
def test_merged_is_together(sizes: list[int], joint: bool, offset: float) -> None:
    rows = draw(3, offset=offset)
    parts = [gathered(part, joint) for part in zip(*(tensor.split(sizes) for tensor in rows), strict=True)]
    together = gathered(rows, joint)
    for order in (parts, parts[::-1]):
        merged = no_moments(CLASSES * COMPONENTS, DIM, joint=joint)
        for part in order:
            merged = merge(merged, part)
        torch.testing.assert_close(merged.weight, together.weight)
        torch.testing.assert_close(merged.mean, together.mean, rtol=1e-6, atol=1e-5)
        # Means at 10,000 are rounded by thousandths, times what they lie apart.
        torch.testing.assert_close(merged.spread, together.spread, rtol=1e-4, atol=1e-4 if not offset else 2e-2)


def test_pixels_may_come_in_any_order() -> None:
    rows = draw(4)
    order = torch.randperm(200, generator=torch.Generator().manual_seed(0))
    shuffled = tuple(tensor[order] for tensor in rows)
    assert_same(gathered((shuffled[0], shuffled[1], shuffled[2]), True), gathered(rows, True))


def test_merge_commutes_and_nothing_is_its_zero() -> None:
    a, b = gathered(draw(5), True), gathered(draw(6, 50), True)
    assert_same(merge(a, b), merge(b, a))
    nothing = no_moments(CLASSES * COMPONENTS, DIM, joint=True)
    assert_same(merge(a, nothing), a, 0)
    assert_same(merge(nothing, a), a, 0)


@pytest.mark.parametrize("joint", [True, False])
def test_about_another_centre(joint: bool) -> None:
    features, _, _ = draw(7)
    ones = torch.ones(200, 1)
    moments = gather_moments(features, ones, torch.zeros(200, dtype=torch.int64), 1, joint=joint)
    centre = torch.linspace(-1, 2, DIM)[None]
    off = (features - centre).double()
    wanted = off.t() @ off / 200 if joint else off.square().mean(dim=0)
    torch.testing.assert_close(about(moments, centre)[0].double(), wanted, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(about(moments, moments.mean), moments.spread)
