"""ViM against numpy and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import logsumexp
from sklearn.decomposition import PCA

from gmmbench.errors import InputError
from gmmbench.prediction import Head, Prediction
from gmmbench.scores import vim
from gmmbench.scores.training_pixels import TrainingPixels


def training(dim: int = 10, classes: int = 4, number: int = 900) -> TrainingPixels:
    generator = torch.Generator().manual_seed(0)
    features = 2 + torch.randn(number, dim, generator=generator) * torch.linspace(0.2, 3, dim)
    head = Head(torch.randn(classes, dim, generator=generator), torch.randn(classes, generator=generator))
    return TrainingPixels(features, torch.zeros(number, classes), torch.zeros(number, dtype=torch.int64), head)


def asked(pixels: TrainingPixels) -> Prediction:
    dim = pixels.features.shape[1]
    features = 2 + 2 * torch.randn(dim, 6, 5, generator=torch.Generator().manual_seed(1))
    return Prediction(torch.zeros(pixels.classes, 6, 5), features=features, head=pixels.head)


@pytest.mark.parametrize(
    ("dim", "classes", "kept"), [(10, 4, 0), (10, 4, 3), (10, 4, 9), (7, 2, 0), (3, 6, 0), (1, 2, 0)]
)
def test_against_numpy(dim: int, classes: int, kept: int) -> None:
    pixels = training(dim, classes)
    p, f = asked(pixels), pixels.features.double().numpy()
    assert p.features is not None
    assert pixels.head is not None
    w, b = pixels.head.weight.double().numpy(), pixels.head.bias.double().numpy()
    o = -np.linalg.pinv(w) @ b
    values, vectors = np.linalg.eigh((f - o).T @ (f - o))
    rest = vectors[:, np.argsort(-values)[kept or dim // 2 :]]
    alpha = (f @ w.T + b).max(1).mean() / np.linalg.norm((f - o) @ rest, axis=1).mean()
    x = p.features.flatten(1).t().double().numpy()
    wanted = alpha * np.linalg.norm((x - o) @ rest, axis=1) - logsumexp(x @ w.T + b, axis=1)
    ours = vim.vim(p, vim.fit(pixels, dim=kept))
    assert ours.shape == (6, 5)
    assert ours.dtype == torch.float32
    np.testing.assert_allclose(ours.flatten().numpy(), wanted, rtol=1e-4, atol=2e-5)


def test_the_residual_is_what_pca_leaves() -> None:
    pixels = training()
    state = vim.fit(pixels, dim=4)
    off = pixels.features.double().numpy() - state["origin"].double().numpy()
    # A feature and its mirror image about the origin: centring then finds the origin.
    pca = PCA(4).fit(np.concatenate([off, -off]))
    left = off - pca.inverse_transform(pca.transform(off))
    ours = np.linalg.norm(off @ state["residual"].double().numpy().T, axis=1)
    np.testing.assert_allclose(ours, np.linalg.norm(left, axis=1), rtol=1e-5, atol=1e-6)


def test_the_origin_has_the_logits_nearest_to_zero() -> None:
    pixels = training(dim=10, classes=4)
    assert pixels.head is not None
    torch.testing.assert_close(
        pixels.head.weight @ vim.fit(pixels)["origin"] + pixels.head.bias, torch.zeros(4), atol=1e-5, rtol=0
    )


def test_alpha_matches_residual_and_logits_in_training() -> None:
    pixels = training()
    state = vim.fit(pixels)
    assert pixels.head is not None
    logits = pixels.features @ pixels.head.weight.t() + pixels.head.bias
    lengths = torch.linalg.vector_norm((pixels.features - state["origin"]) @ state["residual"].t(), dim=1)
    torch.testing.assert_close(state["alpha"] * lengths.mean(), logits.amax(dim=1).mean())


@pytest.mark.parametrize(
    ("channels", "wanted"), [(2048, 1000), (4096, 1000), (2047, 512), (768, 512), (767, 383), (128, 64), (1, 0)]
)
def test_usual_dim(channels: int, wanted: int) -> None:
    assert vim.usual_dim(channels) == wanted


def test_features_inside_the_principal_space_leave_the_energy() -> None:
    pixels = training()
    assert pixels.head is not None
    head = Head(pixels.head.weight, torch.zeros(4))  # the origin is 0
    flat = TrainingPixels(pixels.features.clone(), pixels.logits, pixels.labels, head)
    flat.features[:, 5:] = 0
    p = asked(flat)
    assert p.features is not None
    state = vim.fit(flat)
    assert all(value.isfinite().all() for value in state.values())
    p.features[5:] = 0
    wanted = -torch.einsum("cd,dhw->chw", head.weight, p.features).logsumexp(dim=0)
    lengths = torch.linalg.vector_norm(state["residual"] @ p.features.flatten(1), dim=0)
    assert lengths.max() < 1e-5
    if state["alpha"] == 0:
        torch.testing.assert_close(vim.vim(p, state), wanted)
    flat.features.zero_()
    assert vim.fit(flat)["alpha"] == 0
    torch.testing.assert_close(vim.vim(p, vim.fit(flat)), wanted)


def test_refusals() -> None:
    pixels = training()
    p, state = asked(pixels), vim.fit(pixels)
    with pytest.raises(InputError, match="linear classifier"):
        vim.fit(TrainingPixels(pixels.features, pixels.logits, pixels.labels))
    with pytest.raises(InputError, match="linear classifier"):
        vim.vim(Prediction(p.logits, features=p.features), state)
    with pytest.raises(InputError, match="needs features"):
        vim.vim(Prediction(p.logits, head=p.head), state)
    for dim in (-1, 10):
        with pytest.raises(InputError, match=f"dim={dim}: wanted 1 to 9"):
            vim.fit(pixels, dim=dim)
