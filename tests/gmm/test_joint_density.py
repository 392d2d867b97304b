"""Full, tied and low-rank Gaussians against torch.distributions in float64, and the gradient written by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest
import torch
from torch import Tensor
from torch.distributions import LowRankMultivariateNormal, MultivariateNormal

from gmmbench.gmm import density
from gmmbench.gmm.density import log_prob, low_rank_log_prob, tied_log_prob, whitened_log_prob

OFFSETS = [0.0, 100.0, 10_000.0]


class Drawn(NamedTuple):
    """x (N, D), means (K, D), loadings (K, D, R), variances (K, D), whitening (K, D, D); float32."""

    x: Tensor
    means: Tensor
    loadings: Tensor
    variances: Tensor
    whitening: Tensor


def draw(n: int = 50, k: int = 6, d: int = 16, rank: int = 3, *, offset: float = 0.0, scale: float = 1.0) -> Drawn:
    generator = torch.Generator().manual_seed(n + d)
    x = scale * (torch.randn(n, d, generator=generator) + offset)
    means = scale * (torch.randn(k, d, generator=generator) + offset)
    loadings = scale * torch.randn(k, d, rank, generator=generator)
    variances = scale**2 * (0.3 + torch.rand(k, d, generator=generator))
    wide = loadings.double()
    covariance = wide @ wide.transpose(1, 2) + torch.diag_embed(variances.double())
    return Drawn(x, means, loadings, variances, torch.linalg.inv(torch.linalg.cholesky(covariance)).float())


def full_stranger(x: Tensor, means: Tensor, whitening: Tensor) -> Tensor:
    """(N, K) float64, of the very matrices that the float32 whitening holds."""
    factor = torch.linalg.inv(whitening.double()).tril()
    return MultivariateNormal(means.double(), scale_tril=factor).log_prob(x.double()[:, None])


def gradient(form: Callable[..., Tensor], x: Tensor, *mixture: Tensor) -> Tensor:
    """(N, D), of the densities weighted by some numbers of both signs."""
    leaf = x.clone().requires_grad_()
    logs = form(leaf, *mixture)
    weight = torch.randn(logs.shape, generator=torch.Generator().manual_seed(0))
    (logs * weight).sum().backward()  # type: ignore[no-untyped-call]
    assert leaf.grad is not None
    return leaf.grad


@pytest.mark.parametrize("offset", OFFSETS)
def test_full(offset: float) -> None:
    for drawn in (draw(offset=offset), draw(1, 1, 1, offset=offset), draw(33, 20, 64, 8, offset=offset)):
        x, means, whitening = drawn.x, drawn.means, drawn.whitening
        ours = whitened_log_prob(x, means, whitening)
        assert ours.dtype == torch.float32
        torch.testing.assert_close(ours.double(), full_stranger(x, means, whitening), rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("offset", OFFSETS)
def test_tied(offset: float) -> None:
    x, means, _, _, whitening = draw(d=32, offset=offset)
    theirs = full_stranger(x, means, whitening[:1])
    torch.testing.assert_close(tied_log_prob(x, means, whitening[0]).double(), theirs, rtol=1e-5, atol=1e-4)
    alike = whitening[:1].expand_as(whitening)
    torch.testing.assert_close(tied_log_prob(x, means, whitening[0]), whitened_log_prob(x, means, alike))


@pytest.mark.parametrize("offset", OFFSETS)
@pytest.mark.parametrize("rank", [1, 5])
def test_low_rank(rank: int, offset: float) -> None:
    x, means, loadings, variances, _ = draw(d=32, rank=rank, offset=offset)
    ours = low_rank_log_prob(x, means, loadings, variances)
    stranger = LowRankMultivariateNormal(means.double(), loadings.double(), variances.double())
    torch.testing.assert_close(ours.double(), stranger.log_prob(x.double()[:, None]), rtol=1e-5, atol=1e-4)


def test_without_loadings_it_is_the_diagonal() -> None:
    x, means, loadings, variances, _ = draw()
    ours = low_rank_log_prob(x, means, torch.zeros_like(loadings), variances)
    torch.testing.assert_close(ours, log_prob(x, means, variances))


def test_features_of_a_large_scale() -> None:
    x, means, loadings, variances, whitening = draw(scale=1e4)
    theirs = full_stranger(x, means, whitening)
    assert theirs.max() < -100  # 16 dimensions of width 10,000 and more
    torch.testing.assert_close(whitened_log_prob(x, means, whitening).double(), theirs, rtol=1e-5, atol=1e-4)
    torch.testing.assert_close(low_rank_log_prob(x, means, loadings, variances).double(), theirs, rtol=1e-5, atol=1e-4)


def test_loadings_much_longer_than_the_noise_and_all_alike() -> None:
    x, means, loadings, variances, _ = draw()
    loadings = 1e3 * loadings[:, :, :1].expand_as(loadings)  # I + B^T B is singular to float32
    ours = low_rank_log_prob(x, means, loadings, variances)
    theirs = LowRankMultivariateNormal(means.double(), loadings.double(), variances.double())
    torch.testing.assert_close(ours.double(), theirs.log_prob(x.double()[:, None]), rtol=1e-3, atol=0.1)


def test_no_pixels() -> None:
    _, means, loadings, variances, whitening = draw()
    x = torch.zeros(0, 16)
    assert whitened_log_prob(x, means, whitening).shape == (0, 6)
    assert tied_log_prob(x, means, whitening[0]).shape == (0, 6)
    assert low_rank_log_prob(x, means, loadings, variances).shape == (0, 6)
    assert gradient(whitened_log_prob, x, means, whitening).shape == (0, 16)


# --- gradients ---


@pytest.mark.parametrize("offset", OFFSETS)
def test_gradient_of_full_is_that_of_the_formula(offset: float) -> None:
    x, means, _, _, whitening = draw(d=24, offset=offset)
    theirs = gradient(full_stranger, x.double(), means, whitening)
    ours = gradient(whitened_log_prob, x, means, whitening)
    torch.testing.assert_close(ours.double(), theirs, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("offset", OFFSETS)
def test_gradients_of_tied_and_low_rank(offset: float) -> None:
    x, means, loadings, variances, whitening = draw(d=24, offset=offset)
    theirs = gradient(full_stranger, x.double(), means, whitening[:1])
    torch.testing.assert_close(gradient(tied_log_prob, x, means, whitening[0]).double(), theirs, rtol=1e-5, atol=1e-4)
    theirs = gradient(full_stranger, x.double(), means, whitening)
    ours = gradient(low_rank_log_prob, x, means, loadings, variances)
    torch.testing.assert_close(ours.double(), theirs, rtol=1e-5, atol=1e-4)


def test_gradient_of_full_by_finite_differences() -> None:
    x, means, _, _, whitening = (tensor.double() for tensor in draw(4, 3, 5))
    assert torch.autograd.gradcheck(lambda rows: whitened_log_prob(rows, means, whitening), x.requires_grad_())


def test_gradient_reaches_x_only() -> None:
    x, means, loadings, variances, whitening = (tensor.requires_grad_() for tensor in draw())
    total = whitened_log_prob(x, means.detach(), whitening.detach()).sum()
    total = total + low_rank_log_prob(x, means.detach(), loadings, variances.detach()).sum()
    total.backward()  # type: ignore[no-untyped-call]
    assert x.grad is not None
    assert loadings.grad is None


def test_backward_keeps_no_whitened_copy() -> None:
    x, means, _, _, whitening = draw(200, 20, 16)
    kept: list[int] = []

    def keep(tensor: Tensor) -> Tensor:
        kept.append(tensor.numel())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        whitened_log_prob(x.requires_grad_(), means, whitening).sum()
    assert kept
    assert max(kept) <= max(x.numel(), whitening.numel())  # not N * K * D


# --- blocks ---


@pytest.mark.parametrize("numbers", [1, 50 * 16 * 4, 50 * 16 * 6 - 1])
def test_blocks_change_nothing(numbers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    x, means, _, _, whitening = draw()
    whole = whitened_log_prob(x, means, whitening), gradient(whitened_log_prob, x, means, whitening)
    monkeypatch.setattr(density, "CHUNK", numbers)
    pixels, gaussians = density._blocks(x, whitening)
    assert len(pixels) * len(gaussians) > 1
    blocks = whitened_log_prob(x, means, whitening), gradient(whitened_log_prob, x, means, whitening)
    torch.testing.assert_close(blocks, whole, rtol=1e-6, atol=1e-5)
