"""Scores of more than one forward, and of the void class: against numpy in float64."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from gmmbench.errors import InputError
from gmmbench.prediction import Committee, Prediction
from gmmbench.scores import SCORES
from gmmbench.scores.committee import entropy_of, mutual_information, total_entropy
from gmmbench.scores.ensemble_entropy import ensemble_entropy
from gmmbench.scores.ensemble_mi import ensemble_mi
from gmmbench.scores.mc_dropout_entropy import mc_dropout_entropy
from gmmbench.scores.mc_dropout_mi import mc_dropout_mi
from gmmbench.scores.odin import odin
from gmmbench.scores.void import void

Array = NDArray[np.float64]


def random(*size: int, seed: int = 0, spread: float = 3.0) -> Tensor:
    return spread * torch.randn(*size, generator=torch.Generator().manual_seed(seed))


def softmax(z: Array, axis: int = 0) -> Array:
    e = np.exp(z - z.max(axis, keepdims=True))
    return np.asarray(e / e.sum(axis, keepdims=True))


def entropies(p: Array, axis: int) -> Array:
    return np.asarray(-(p * np.log(p)).sum(axis))


def committee(members: Tensor) -> Committee:
    """Of (M, C, H, W) logits, in float64 rounded once."""
    p = softmax(members.double().numpy(), axis=1)
    return Committee(torch.from_numpy(p.mean(0)).float(), torch.from_numpy(entropies(p, 1).mean(0)).float())


def with_committee(members: Tensor) -> Prediction:
    both = committee(members)
    return Prediction(members[0], dropout=both, ensemble=both)


MEMBERS = [(8, 19, 5, 7), (2, 2, 3, 3), (3, 11, 1, 6)]


@pytest.mark.parametrize("score", [mc_dropout_entropy, ensemble_entropy])
@pytest.mark.parametrize("size", MEMBERS)
def test_entropy_of_the_mean_against_numpy(score: Callable[..., Tensor], size: tuple[int, ...]) -> None:
    members = random(*size)
    ours = score(with_committee(members))
    assert ours.dtype == torch.float32
    np.testing.assert_allclose(ours, entropies(softmax(members.double().numpy(), 1).mean(0), 0), rtol=2e-6)


@pytest.mark.parametrize("score", [mc_dropout_mi, ensemble_mi])
@pytest.mark.parametrize("size", MEMBERS)
def test_mutual_information_against_numpy(score: Callable[..., Tensor], size: tuple[int, ...]) -> None:
    members = random(*size)
    p = softmax(members.double().numpy(), 1)
    plain = entropies(p.mean(0), 0) - entropies(p, 1).mean(0)
    np.testing.assert_allclose(score(with_committee(members)), plain, rtol=1e-4, atol=1e-6)


def test_mutual_information_of_members_that_agree_is_zero_and_never_below() -> None:
    same = random(19, 40, 50).expand(4, -1, -1, -1)
    information = mutual_information(committee(same))
    assert (information >= 0).all()
    assert information.max() < 2e-6


def test_mutual_information_of_sure_members_that_disagree_is_all_of_the_entropy() -> None:
    members = torch.full((2, 3, 1, 1), -200.0)
    members[0, 0] = members[1, 2] = 200
    posterior = members.softmax(dim=1).mean(dim=0)
    both = Committee(posterior, torch.zeros(1, 1))
    assert mutual_information(both).item() == pytest.approx(np.log(2))
    assert total_entropy(both).item() == pytest.approx(np.log(2))


@pytest.mark.parametrize("gap", [1.0, 18.0, 40.0])
def test_entropy_keeps_its_digits_near_certainty(gap: float) -> None:
    r = np.exp(-gap)
    posterior = torch.tensor([1 / (1 + r), r / (1 + r)], dtype=torch.float32)[:, None, None]
    assert entropy_of(posterior).item() == pytest.approx(np.log1p(r) + gap * r / (1 + r), rel=1e-5, abs=0)


def test_entropy_of_zeros_and_of_even_chances() -> None:
    assert entropy_of(torch.tensor([0.0, 1.0, 0.0])[:, None, None]).item() == 0
    assert entropy_of(torch.full((4, 1, 1), 0.25)).item() == pytest.approx(np.log(4))


@pytest.mark.parametrize("classes", [1, 2, 19])
def test_void_against_numpy(classes: int) -> None:
    p = Prediction(random(classes, 5, 7), void=random(5, 7, seed=1))
    assert p.void is not None
    all_logits = torch.cat([p.logits, p.void[None]]).double().numpy()
    probability = softmax(all_logits)[-1]
    score = void(p)
    np.testing.assert_allclose(score.sigmoid(), probability, rtol=1e-5)
    assert score.flatten().argsort().tolist() == probability.ravel().argsort().tolist()


def test_void_does_not_tie_where_its_probability_rounds_to_1() -> None:
    logit = torch.linspace(20, 60, 1000)[None]
    score = void(Prediction(torch.zeros(3, 1, 1000), void=logit))
    assert (score.diff() > 0).all()
    torch.testing.assert_close(score, logit - np.log(3))


@pytest.mark.parametrize("temperature", [1.0, 3.0, 1000.0])
@pytest.mark.parametrize("classes", [2, 19])
def test_odin_against_numpy(temperature: float, classes: int) -> None:
    p = Prediction(torch.zeros(classes, 5, 7), perturbed=random(classes, 5, 7))
    assert p.perturbed is not None
    plain = 1 - softmax(p.perturbed.double().numpy() / temperature).max(0)
    score = odin(p, temperature=temperature)
    assert score.dtype == torch.float32
    assert (score <= 0).all()
    odds = (classes - 1) * score.double().exp()
    np.testing.assert_allclose(odds / (1 + odds), plain, rtol=1e-5)
    assert score.flatten().argsort().tolist() == plain.ravel().argsort().tolist()


@pytest.mark.parametrize("temperature", [1.0, 1000.0])
def test_odin_keeps_apart_what_16_bits_of_1_minus_p_merge(temperature: float) -> None:
    # The metrics' bins tell scores apart that differ in 16 significant bits.
    logits = torch.cat([torch.linspace(20, 30, 2000)[None, None], torch.zeros(10, 1, 2000)])
    score = odin(Prediction(logits, perturbed=logits), temperature=temperature)[0]
    assert len((score.view(torch.int32) >> 8).unique()) == 2000


def test_odin_reads_the_perturbed_logits_alone() -> None:
    perturbed = random(4, 2, 3)
    here, there = (odin(Prediction(random(4, 2, 3, seed=s), perturbed=perturbed)) for s in (1, 2))
    assert torch.equal(here, there)
    assert torch.equal(perturbed, random(4, 2, 3))
    uniform = Prediction(perturbed, perturbed=torch.ones(4, 1, 1))
    assert odin(uniform).item() == pytest.approx(0, abs=1e-12)


def test_odin_of_huge_logits_is_finite() -> None:
    logits = torch.tensor([1e4, -1e4, 0])[:, None, None]
    assert odin(Prediction(logits, perturbed=logits)).isfinite().all()


def test_odin_refuses_a_temperature_of_0() -> None:
    with pytest.raises(InputError, match=r"odin@temperature=0\.0"):
        odin(Prediction(torch.zeros(2, 1, 1), perturbed=torch.zeros(2, 1, 1)), temperature=0.0)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("void", "needs a void class"),
        ("odin", "needs the logits of the perturbed image"),
        ("mc_dropout_entropy", "needs passes with dropout"),
        ("mc_dropout_mi", "needs passes with dropout"),
        ("ensemble_entropy", "needs several checkpoints"),
        ("ensemble_mi", "needs several checkpoints"),
    ],
)
def test_what_is_missing_is_named(name: str, message: str) -> None:
    whole = replace(with_committee(random(2, 3, 2, 2)), void=random(2, 2), perturbed=random(3, 2, 2))
    assert SCORES[name](whole).shape == (2, 2)
    with pytest.raises(InputError, match=f"'{name}' {message}"):
        SCORES[name](replace(whole, **{SCORES[name].needs: None}))
