"""Every score against numpy in float64, its direction, and how scores are chosen."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from rich.console import Console

from gmmbench.errors import InputError
from gmmbench.listings import scores as listing
from gmmbench.prediction import Prediction
from gmmbench.scores import SCORES, choose

Array = NDArray[np.float64]
BOTH = ("logits", "density")
OF_LOGITS = [name for name, score in SCORES.items() if score.needs == "logits"]
OF_DENSITY = [name for name, score in SCORES.items() if score.needs == "density"]


def softmax(z: Array) -> Array:
    return np.asarray(np.exp(z) / np.exp(z).sum(0))


def entropy_of(z: Array) -> Array:
    return np.asarray(-(softmax(z) * np.log(softmax(z))).sum(0))


# The formulas of the papers, of logits z or class log-densities d, without regard to overflow.
PLAIN: dict[str, Callable[[Array], Array]] = {
    "gmm_max": lambda d: -d.max(0),
    "gmm_lse": lambda d: -np.log(np.exp(d).mean(0)),
    "msp": lambda z: 1 - softmax(z).max(0),
    "max_logit": lambda z: -z.max(0),
    "entropy": entropy_of,
    "energy": lambda z: -np.log(np.exp(z).sum(0)),
}


def random_prediction(seed: int, classes: int = 19) -> Prediction:
    generator = torch.Generator().manual_seed(seed)
    logits = 4 * torch.randn(classes, 6, 7, generator=generator)
    density = 60 + 40 * torch.randn(classes, 6, 7, generator=generator)
    return Prediction(logits, density)


def of_pixels(*logits: list[float]) -> Prediction:
    """One row of pixels, each given by its logits, which also serve as densities."""
    values = torch.tensor(logits, dtype=torch.float32).t()[:, None]
    return Prediction(values, values)


def test_every_score_has_a_plain_form() -> None:
    assert set(PLAIN) == set(SCORES)


@pytest.mark.parametrize("name", SCORES)
@pytest.mark.parametrize(("seed", "classes"), [(0, 19), (1, 2), (2, 1)])
def test_against_numpy(name: str, seed: int, classes: int) -> None:
    p = random_prediction(seed, classes)
    read = p.logits if SCORES[name].needs == "logits" else p.density
    assert read is not None
    ours = SCORES[name].compute(p)
    assert ours.shape == (6, 7)
    assert ours.dtype == torch.float32
    np.testing.assert_allclose(ours.numpy(), PLAIN[name](read.double().numpy()), rtol=2e-6, atol=1e-6)


@pytest.mark.parametrize("name", SCORES)
def test_higher_is_more_anomalous(name: str) -> None:
    # Pixels: a clear class, a doubtful one, none at all.
    sure, doubtful, neither = SCORES[name].compute(of_pixels([9, 0, -1], [2, 1, 0], [-3, -3, -3]))[0].tolist()
    assert sure < doubtful < neither


@pytest.mark.parametrize("name", SCORES)
def test_extreme_inputs_stay_finite(name: str) -> None:
    scores = SCORES[name].compute(of_pixels([1e4, -1e4, 0], [-1e4, -1e4, -1e4], [1e4, 1e4, 1e4]))
    assert scores.isfinite().all()


@pytest.mark.parametrize("name", SCORES)
def test_inputs_are_left_alone(name: str) -> None:
    p, again = random_prediction(3), random_prediction(3)
    SCORES[name].compute(p)
    assert p.density is not None
    assert again.density is not None
    assert torch.equal(p.logits, again.logits)
    assert torch.equal(p.density, again.density)


def test_msp_is_precise_near_certainty() -> None:
    nearly, surer = SCORES["msp"].compute(of_pixels([0, np.log(1e-9)], [0, np.log(1e-10)]))[0].tolist()
    assert nearly == pytest.approx(1e-9, rel=1e-5)
    assert surer == pytest.approx(1e-10, rel=1e-5)
    assert nearly > surer


def test_msp_of_a_tie_counts_one_of_the_two_as_best() -> None:
    assert SCORES["msp"].compute(of_pixels([2, 2]))[0, 0] == 0.5


def test_entropy_is_in_nats() -> None:
    even, sure = SCORES["entropy"].compute(of_pixels([1, 1, 1, 1], [500, 0, 0, 0]))[0].tolist()
    assert even == pytest.approx(np.log(4))
    assert sure == 0


@pytest.mark.parametrize("name", ["msp", "entropy"])
def test_a_constant_on_all_logits_leaves_it(name: str) -> None:
    p = random_prediction(4)
    shifted = SCORES[name].compute(Prediction(p.logits + 25))
    torch.testing.assert_close(shifted, SCORES[name].compute(p), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", ["energy", "max_logit"])
def test_a_constant_on_all_logits_shifts_it(name: str) -> None:
    p = random_prediction(4)
    shifted = SCORES[name].compute(Prediction(p.logits + 25))
    torch.testing.assert_close(shifted, SCORES[name].compute(p) - 25)


def test_gmm_lse_of_equal_densities_is_their_value() -> None:
    assert SCORES["gmm_lse"].compute(of_pixels([7, 7, 7]))[0, 0] == pytest.approx(-7)


@pytest.mark.parametrize("name", OF_LOGITS)
def test_scores_of_logits_need_no_density(name: str) -> None:
    p = random_prediction(5)
    assert torch.equal(SCORES[name].compute(Prediction(p.logits)), SCORES[name].compute(p))


@pytest.mark.parametrize("name", OF_DENSITY)
def test_scores_of_the_density_refuse_a_model_without(name: str) -> None:
    with pytest.raises(InputError, match="needs a density"):
        SCORES[name].compute(Prediction(random_prediction(5).logits))


def test_choose_all() -> None:
    assert choose("all", BOTH) == SCORES
    assert list(choose("all", BOTH)) == list(SCORES)
    assert list(choose("all", ["logits"])) == OF_LOGITS


def test_choose_names_in_the_order_asked_once_each() -> None:
    assert list(choose("msp", ["logits"])) == ["msp"]
    assert list(choose(" energy , gmm_max,msp,", BOTH)) == ["energy", "gmm_max", "msp"]
    assert list(choose("msp,energy,msp", BOTH)) == ["msp", "energy"]
    assert choose("msp", BOTH)["msp"] is SCORES["msp"]


def test_choose_suggests_for_an_unknown_name() -> None:
    with pytest.raises(InputError, match="unknown score 'max_logits'; did you mean 'max_logit'") as raised:
        choose("msp,max_logits", BOTH)
    for name in SCORES:
        assert name in str(raised.value)


@pytest.mark.parametrize("name", OF_DENSITY)
def test_choose_refuses_what_the_model_cannot_give(name: str) -> None:
    with pytest.raises(InputError, match=f"score '{name}' needs density") as raised:
        choose(f"msp,{name}", ["logits"])
    can = str(raised.value).partition("it can give: ")[2].split(", ")
    assert can == OF_LOGITS


@pytest.mark.parametrize("wanted", ["", " ", ",", " , ,"])
def test_choose_nothing(wanted: str) -> None:
    with pytest.raises(InputError, match="no score named; this model can give: msp"):
        choose(wanted, ["logits"])


def test_listing_prints_each_score() -> None:
    out = io.StringIO()
    Console(file=out, width=120).print(listing())
    lines = out.getvalue().splitlines()
    for name, score in SCORES.items():
        (line,) = [line for line in lines if line.split()[:1] == [name]]
        assert score.needs in line
        assert score.formula in line
