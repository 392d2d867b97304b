"""Nearest neighbours against scikit-learn; what the bank is drawn from."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors
from torch.nn import functional as F

from gmmbench.errors import InputError
from gmmbench.prediction import Prediction
from gmmbench.scores import knn
from gmmbench.scores.training_pixels import TrainingPixels


def training(counts: list[int], dim: int = 8) -> TrainingPixels:
    generator = torch.Generator().manual_seed(0)
    labels = torch.cat([torch.full((count,), c) for c, count in enumerate(counts)])
    labels = labels[torch.randperm(len(labels), generator=generator)]
    features = 5 * torch.randn(len(labels), dim, generator=generator)
    return TrainingPixels(features, torch.zeros(len(labels), len(counts)), labels)


def asked(dim: int = 8) -> Prediction:
    features = 3 * torch.randn(dim, 5, 9, generator=torch.Generator().manual_seed(1))
    return Prediction(torch.zeros(2, 5, 9), features=features)


@pytest.mark.parametrize("k", [1, 3, 50])
def test_against_scikit_learn(k: int) -> None:
    p, pixels = asked(), training([300, 200, 100])
    assert p.features is not None
    ours = knn.knn(p, knn.fit(pixels, bank=10_000), k=k)
    unit = F.normalize(pixels.features.double(), dim=1).numpy()
    x = F.normalize(p.features.flatten(1).t().double(), dim=1).numpy()
    wanted = NearestNeighbors(n_neighbors=k).fit(unit).kneighbors(x)[0][:, -1]
    assert ours.shape == (5, 9)
    assert ours.dtype == torch.float32
    np.testing.assert_allclose(ours.flatten().numpy(), wanted, rtol=1e-5, atol=1e-6)


def test_precise_next_to_a_training_feature() -> None:
    pixels, off = training([40]), 1e-4 * torch.tensor([0.0, 1.0, 0, 0, 0, 0, 0, 0])
    unit = F.normalize(pixels.features, dim=1)
    near = (unit[:12] + off).t().reshape(8, 3, 4)
    ours = knn.knn(Prediction(torch.zeros(1, 3, 4), features=near), knn.fit(pixels)).flatten()
    x = F.normalize((unit[:12] + off).double(), dim=1)
    wanted = torch.linalg.vector_norm(x - F.normalize(unit[:12].double(), dim=1), dim=1)
    torch.testing.assert_close(ours.double(), wanted, rtol=2e-3, atol=1e-7)


def test_where_blocks_end_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    state = knn.fit(training([100, 100]))
    whole = knn.knn(asked(), state, k=4)
    monkeypatch.setattr(knn, "BLOCK", 1000)
    torch.testing.assert_close(knn.knn(asked(), state, k=4), whole)


def of_bank(pixels: TrainingPixels, **options: int) -> list[int]:
    """How many of each class the bank holds."""
    bank = knn.fit(pixels, **options)["bank"]
    found = (F.normalize(pixels.features, dim=1)[:, None] == bank).all(dim=2)
    assert (found.sum(dim=0) == 1).all()
    return torch.bincount(pixels.labels[found.any(dim=1)], minlength=pixels.classes).tolist()


@pytest.mark.parametrize(
    ("counts", "bank", "wanted"),
    [([90, 60, 50], 30, [10, 10, 10]), ([90, 4, 50], 30, [13, 4, 13]), ([90, 0, 50], 30, [15, 0, 15])],
)
def test_the_bank_is_shared_by_classes(counts: list[int], bank: int, wanted: list[int]) -> None:
    assert of_bank(training(counts), bank=bank) == wanted


def test_all_are_taken_of_a_small_training_set() -> None:
    assert of_bank(training([3, 1])) == [3, 1]


def test_the_draw_is_the_seeds() -> None:
    pixels = training([90, 60])
    first, again, other = (knn.fit(pixels, bank=20, seed=seed)["bank"] for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    usual = knn.fit(training([20_000]))["bank"]
    assert len(usual) == 512
    # Not the first ones: of all of them, evenly.
    places = (F.normalize(training([20_000]).features, dim=1)[:, :1] == usual[:, 0]).nonzero()[:, 0].double()
    assert 8500 < places.mean() < 11_500


def test_zeros_are_one_away_from_everything() -> None:
    p = Prediction(torch.zeros(2, 3, 3), features=torch.zeros(8, 3, 3))
    torch.testing.assert_close(knn.knn(p, knn.fit(training([50, 50]))), torch.ones(3, 3))


def test_refusals() -> None:
    state = knn.fit(training([5, 5]))
    with pytest.raises(InputError, match="k=11: wanted 1 to 10"):
        knn.knn(asked(), state, k=11)
    with pytest.raises(InputError, match="k=0"):
        knn.knn(asked(), state, k=0)
    with pytest.raises(InputError, match="bank=0"):
        knn.fit(training([5]), bank=0)
    with pytest.raises(InputError, match="needs features"):
        knn.knn(Prediction(torch.zeros(2, 5, 9)), state)
