"""Diagonal Gaussians and their mixtures: the values of torch.distributions, the gradient, the memory of the method."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal
from torch.utils._python_dispatch import TorchDispatchMode

from gmmbench.gmm.density import best_component, class_log_density, log_prob

SHAPES = [(1, 1, 1, 1), (7, 1, 1, 5), (50, 1, 4, 3), (50, 3, 1, 8), (33, 19, 5, 64), (200, 4, 3, 17)]  # N, C, M, D


def random_mixture(
    shape: tuple[int, int, int, int], seed: int = 0, offset: float = 0.0
) -> tuple[Tensor, Tensor, Tensor]:
    """x (N, D), means and variances (C, M, D), float32; variances 0.3 to 3."""
    n, c, m, d = shape
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, d, generator=generator) + offset
    means = torch.randn(c, m, d, generator=generator) + offset
    variances = 0.3 + 2.7 * torch.rand(c, m, d, generator=generator)
    return x, means, variances


def sphere_mixture() -> tuple[Tensor, Tensor, Tensor]:
    """Unit vectors of 64 dimensions under unit means and the variance floor: what the classifier holds."""
    generator = torch.Generator().manual_seed(5)
    x = torch.nn.functional.normalize(torch.randn(300, 64, generator=generator), dim=1)
    means = torch.nn.functional.normalize(torch.randn(19, 5, 64, generator=generator), dim=2)
    return x, means, torch.full_like(means, 0.01)


def stranger(means: Tensor, variances: Tensor) -> Independent:
    """The same Gaussians by torch.distributions, in float64."""
    return Independent(Normal(means.double(), variances.double().sqrt()), 1)


def relative_error(ours: Tensor, theirs: Tensor) -> float:
    return float(((ours - theirs).abs() / theirs.abs().clamp(min=1)).max())


def broadcast_form(x: Tensor, means: Tensor, variances: Tensor) -> Tensor:
    """The textbook formula, through an (N, K, D) tensor."""
    squares = (x[:, None] - means).square() / variances
    return -0.5 * (squares + variances.log() + math.log(2 * math.pi)).sum(dim=-1)


@pytest.mark.parametrize("shape", SHAPES)
def test_random_shapes(shape: tuple[int, int, int, int]) -> None:
    x, means, variances = random_mixture(shape)
    ours = log_prob(x, means, variances)
    assert ours.shape == shape[:3]
    assert ours.dtype == torch.float32
    theirs = stranger(means, variances).log_prob(x.double()[:, None, None])
    assert relative_error(ours, theirs) < 1e-4
    torch.testing.assert_close(ours.double(), theirs, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("shape", SHAPES)
def test_class_density_random_shapes(shape: tuple[int, int, int, int]) -> None:
    x, means, variances = random_mixture(shape, seed=1)
    ours = class_log_density(log_prob(x, means, variances))
    assert ours.shape == shape[:2]
    mixture = MixtureSameFamily(Categorical(torch.ones(shape[1:3]).double()), stranger(means, variances))
    torch.testing.assert_close(ours.double(), mixture.log_prob(x.double()[:, None]), rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("components", [1, 2, 7])
def test_best_component_lies_up_to_log_m_above_the_mixture(components: int) -> None:
    logs = log_prob(*random_mixture((50, 3, components, 4), seed=6))
    best, mixture = best_component(logs), class_log_density(logs)
    assert torch.equal(best, torch.tensor([[max(row) for row in pixel] for pixel in logs.tolist()]))
    assert (best - mixture).min() > -1e-5
    assert (best - mixture).max() < math.log(components) + 1e-5


def test_features_of_a_large_scale() -> None:
    x, means, variances = (
        tensor * scale for tensor, scale in zip(random_mixture((60, 4, 3, 64)), (1e4, 1e4, 1e8), strict=True)
    )
    theirs = stranger(means, variances).log_prob(x.double()[:, None, None])
    torch.testing.assert_close(log_prob(x, means, variances).double(), theirs, rtol=1e-5, atol=1e-4)


def test_leading_shape_of_means_is_free() -> None:
    x, means, variances = random_mixture((9, 2, 3, 4))
    whole = log_prob(x, means, variances)
    assert log_prob(x, means[1, 2], variances[1, 2]).shape == (9,)
    torch.testing.assert_close(log_prob(x, means[1, 2], variances[1, 2]), whole[:, 1, 2])
    torch.testing.assert_close(log_prob(x, means.flatten(0, 1), variances.flatten(0, 1)), whole.flatten(1))


def test_no_pixels() -> None:
    _, means, variances = random_mixture((1, 2, 3, 4))
    assert log_prob(torch.zeros(0, 4), means, variances).shape == (0, 2, 3)


def test_unit_sphere_with_small_variance() -> None:
    x, means, variances = sphere_mixture()
    ours = log_prob(x, means, variances)
    theirs = stranger(means, variances).log_prob(x.double()[:, None, None])
    assert theirs.min() < -20  # far and near pairs both occur
    torch.testing.assert_close(ours.double(), theirs, rtol=1e-5, atol=1e-4)
    mixture = MixtureSameFamily(Categorical(torch.ones(19, 5).double()), stranger(means, variances))
    torch.testing.assert_close(
        class_log_density(ours).double(), mixture.log_prob(x.double()[:, None]), rtol=1e-5, atol=1e-4
    )


@pytest.mark.parametrize("offset", [100.0, 10_000.0])
def test_far_from_the_origin(offset: float) -> None:
    # The tolerance is that of centred features: x - centre is exact here, since two floats within a
    # factor of two of each other subtract without rounding, so the offset costs nothing. Without the
    # centring x^2 / var reaches 64 * offset^2, and float32 keeps 1e-7 of that: 0.1 nat at offset 100.
    x, means, variances = random_mixture((200, 4, 3, 64), seed=2, offset=offset)
    theirs = stranger(means, variances).log_prob(x.double()[:, None, None])
    torch.testing.assert_close(log_prob(x, means, variances).double(), theirs, rtol=1e-5, atol=1e-4)


def test_far_from_the_origin_with_small_variance() -> None:
    # Precisions of 100 make the terms, and with them the rounding, a hundred times larger.
    x, means, _ = random_mixture((200, 4, 3, 64), seed=3, offset=100.0)
    variances = torch.full_like(means, 0.01)
    theirs = stranger(means, variances).log_prob(x.double()[:, None, None])
    assert relative_error(log_prob(x, means, variances), theirs) < 2e-6


def test_gradient_is_that_of_the_broadcast_form() -> None:
    x, means, variances = random_mixture((40, 3, 2, 16), seed=4)
    weight = torch.randn(40, 3, 2, generator=torch.Generator().manual_seed(0))

    def gradient(form: Callable[[Tensor, Tensor, Tensor], Tensor], dtype: torch.dtype) -> Tensor:
        leaf = x.to(dtype, copy=True).requires_grad_()
        logs = form(leaf, means.flatten(0, 1).to(dtype), variances.flatten(0, 1).to(dtype))
        (logs * weight.flatten(1).to(dtype)).sum().backward()  # type: ignore[no-untyped-call]
        assert leaf.grad is not None
        return leaf.grad

    ours, theirs = gradient(log_prob, torch.float32), gradient(broadcast_form, torch.float64)
    torch.testing.assert_close(ours.double(), theirs, rtol=1e-5, atol=1e-4)


def test_gradient_reaches_x_only() -> None:
    x, means, variances = (tensor.requires_grad_() for tensor in random_mixture((10, 2, 2, 4)))
    class_log_density(log_prob(x, means, variances)).sum().backward()  # type: ignore[no-untyped-call]
    assert x.grad is not None
    assert x.grad.abs().min() > 0
    assert means.grad is None
    assert variances.grad is None


class LargestTensor(TorchDispatchMode):
    """Records the most elements that any operation's output had."""

    def __init__(self) -> None:
        super().__init__()
        self.numel = 0

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        for tensor in out if isinstance(out, list | tuple) else [out]:
            if isinstance(tensor, Tensor):
                self.numel = max(self.numel, tensor.numel())
        return out


@pytest.mark.parametrize("shape", [(400, 19, 5, 64), (100, 2, 2, 64), (3, 10, 10, 64)])
def test_no_pixel_by_component_by_dimension_tensor(shape: tuple[int, int, int, int]) -> None:
    n, k, d = shape[0], shape[1] * shape[2], shape[3]
    x, means, variances = random_mixture(shape)
    x.requires_grad_()
    padded = -(-k // 16) * 16  # columns up to the next cache line
    limit = max(n * d, n * padded, padded * d)
    with LargestTensor() as forward:
        logs = log_prob(x, means, variances)
    assert 0 < forward.numel <= limit
    with LargestTensor() as backward:
        logs.sum().backward()  # type: ignore[no-untyped-call]
    assert 0 < backward.numel <= limit
    with LargestTensor() as rival:  # the ruler itself works
        broadcast_form(x, means.flatten(0, 1), variances.flatten(0, 1))
    assert rival.numel == n * k * d
