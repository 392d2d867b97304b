"""Scores of logits or densities alone: against numpy in float64, their direction, digits and laws."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from gmmbench.errors import InputError
from gmmbench.prediction import Prediction
from gmmbench.scores import SCORES

Array = NDArray[np.float64]
NAMES = [name for name, score in SCORES.items() if score.pixelwise]
OF_LOGITS = [name for name in NAMES if SCORES[name].needs == "logits"]
OF_DENSITY = [name for name in NAMES if SCORES[name].needs == "density"]
OF_POSTERIOR = ["msp", "entropy", "margin", "gen"]


def softmax(z: Array) -> Array:
    e = np.exp(z - z.max(0))
    return np.asarray(e / e.sum(0))


def entropy_of(z: Array) -> Array:
    p = softmax(z)
    return np.asarray(-(p * np.log(p, where=p > 0, out=np.zeros_like(p))).sum(0))


def margin_of(z: Array) -> Array:
    p = np.sort(np.concatenate([softmax(z), np.zeros_like(z[:1])]), axis=0)
    return np.asarray(1 - (p[-1] - p[-2]))


def gen_of(z: Array, gamma: float = 0.1, top: int = 100) -> Array:
    p = softmax(z)
    one_minus = np.stack([np.delete(p, c, axis=0).sum(0) for c in range(len(p))])
    order = np.argsort(p, axis=0)[-top:]
    terms = np.take_along_axis(p**gamma * one_minus**gamma, order, axis=0)
    return np.asarray(terms.sum(0))


# The formulas of the papers, of logits z or class log-densities d, without regard to overflow.
PLAIN: dict[str, Callable[[Array], Array]] = {
    "gmm_max": lambda d: -d.max(0),
    "gmm_lse": lambda d: -np.log(np.exp(d).mean(0)),
    "msp": lambda z: 1 - softmax(z).max(0),
    "max_logit": lambda z: -z.max(0),
    "entropy": entropy_of,
    "margin": margin_of,
    "energy": lambda z: -np.log(np.exp(z).sum(0)),
    "gen": gen_of,
    "rba": lambda z: -np.tanh(z).sum(0),
}


def random_prediction(seed: int, classes: int = 19, spread: float = 4.0) -> Prediction:
    generator = torch.Generator().manual_seed(seed)
    logits = spread * torch.randn(classes, 6, 7, generator=generator)
    density = 60 + 40 * torch.randn(classes, 6, 7, generator=generator)
    return Prediction(logits, density)


def of_pixels(*logits: list[float]) -> Prediction:
    """One row of pixels, each given by its logits, which also serve as densities."""
    values = torch.tensor(logits, dtype=torch.float32).t()[:, None]
    return Prediction(values, values)


def score(name: str, p: Prediction, **options: float) -> Tensor:
    return SCORES[name].compute(p, **options)


def test_every_pixelwise_score_has_a_plain_form() -> None:
    assert set(PLAIN) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("seed", "classes", "spread"), [(0, 19, 4.0), (1, 2, 4.0), (2, 1, 4.0), (3, 11, 0.01), (4, 3, 20.0)]
)
def test_against_numpy(name: str, seed: int, classes: int, spread: float) -> None:
    p = random_prediction(seed, classes, spread)
    read = p.logits if SCORES[name].needs == "logits" else p.density
    assert read is not None
    ours = score(name, p)
    assert ours.shape == (6, 7)
    assert ours.dtype == torch.float32
    np.testing.assert_allclose(ours.numpy(), PLAIN[name](read.double().numpy()), rtol=2e-6, atol=1e-6)


@pytest.mark.parametrize("temperature", [0.5, 2.0, 1000.0])
def test_temperature_divides_the_logits(temperature: float) -> None:
    p = random_prediction(5)
    z = p.logits.double().numpy() / temperature
    np.testing.assert_allclose(score("msp", p, temperature=temperature), PLAIN["msp"](z), rtol=2e-6)
    energy = temperature * PLAIN["energy"](z)
    np.testing.assert_allclose(score("energy", p, temperature=temperature), energy, rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize(("gamma", "top"), [(0.1, 1), (0.1, 5), (0.5, 19), (1.0, 18), (2.0, 1000)])
def test_gen_counts_the_likeliest_classes(gamma: float, top: int) -> None:
    p = random_prediction(6)
    plain = gen_of(p.logits.double().numpy(), gamma, top)
    np.testing.assert_allclose(score("gen", p, gamma=gamma, top=top), plain, rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("msp", {"temperature": 0.0}, r"temperature=0\.0: wanted a number above 0"),
        ("energy", {"temperature": -1.0}, r"temperature=-1\.0"),
        ("msp", {"temperature": float("nan")}, "temperature=nan"),
        ("gen", {"gamma": 0.0}, r"gen@gamma=0\.0"),
        ("gen", {"top": 0}, "gen@top=0: wanted at least 1 class"),
    ],
)
def test_options_out_of_range_are_refused(name: str, options: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        score(name, random_prediction(7), **options)


@pytest.mark.parametrize("name", NAMES)
def test_higher_is_more_anomalous(name: str) -> None:
    # Pixels: a clear class, a doubtful one, none at all. Of a mask classifier no class is far below 0.
    pixels = ([5, 0, 0], [0.3, 0.2, 0], [0, 0, 0]) if name == "rba" else ([9, 0, -1], [2, 1, 0], [-3, -3, -3])
    sure, doubtful, neither = score(name, of_pixels(*pixels))[0].tolist()
    assert sure < doubtful < neither


@pytest.mark.parametrize("name", NAMES)
def test_extreme_inputs_stay_finite(name: str) -> None:
    scores = score(name, of_pixels([1e4, -1e4, 0], [-1e4, -1e4, -1e4], [1e4, 1e4, 1e4], [0, 1e4, 1e4]))
    assert scores.isfinite().all()


@pytest.mark.parametrize("name", NAMES)
def test_inputs_are_left_alone(name: str) -> None:
    p, again = random_prediction(8), random_prediction(8)
    score(name, p)
    assert p.density is not None
    assert again.density is not None
    assert torch.equal(p.logits, again.logits)
    assert torch.equal(p.density, again.density)
    assert torch.equal(p.posterior, again.posterior)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("rows", [1, 4, 5])
def test_strips_are_the_whole(name: str, rows: int) -> None:
    p = random_prediction(9)
    strips = torch.cat([score(name, p.rows(start, start + rows)) for start in range(0, 6, rows)])
    torch.testing.assert_close(strips, score(name, p), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_the_order_of_classes_does_not_matter(name: str) -> None:
    p = random_prediction(10)
    assert p.density is not None
    order = torch.randperm(19, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(
        score(name, Prediction(p.logits[order], p.density[order])), score(name, p), rtol=2e-6, atol=2e-6
    )


@pytest.mark.parametrize("name", OF_POSTERIOR)
def test_a_constant_on_all_logits_leaves_it(name: str) -> None:
    p = random_prediction(11)
    torch.testing.assert_close(score(name, Prediction(p.logits + 25)), score(name, p), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", ["energy", "max_logit"])
def test_a_constant_on_all_logits_shifts_it(name: str) -> None:
    p = random_prediction(11)
    torch.testing.assert_close(score(name, Prediction(p.logits + 25)), score(name, p) - 25)


@pytest.mark.parametrize("name", OF_LOGITS)
def test_scores_of_logits_need_no_density(name: str) -> None:
    p = random_prediction(12)
    assert torch.equal(score(name, Prediction(p.logits)), score(name, p))


@pytest.mark.parametrize("name", OF_DENSITY)
def test_scores_of_the_density_refuse_a_model_without(name: str) -> None:
    with pytest.raises(InputError, match="needs a density"):
        score(name, Prediction(random_prediction(12).logits))


@pytest.mark.parametrize("gap", [1.0, 10.0, 18.0, 30.0, 60.0])
def test_digits_near_certainty(gap: float) -> None:
    # Two classes, r = e^-gap: what each score is, written so that float64 loses nothing.
    r = np.exp(-gap)
    exact = {
        "msp": r / (1 + r),
        "margin": 2 * r / (1 + r),
        "entropy": np.log1p(r) + gap * r / (1 + r),
        "gen": 2 * (r / (1 + r) ** 2) ** 0.1,
    }
    for name in OF_POSTERIOR:
        assert score(name, of_pixels([0, -gap])).item() == pytest.approx(exact[name], rel=1e-5, abs=0), name


@pytest.mark.parametrize("name", OF_POSTERIOR)
def test_surer_pixels_do_not_tie(name: str) -> None:
    gaps = torch.linspace(15, 60, 10_000)
    scores = score(name, Prediction(torch.stack([-gaps, torch.zeros_like(gaps), -gaps - 1])[:, None]))[0]
    assert (scores.diff() < 0).all()


def test_msp_of_a_tie_counts_one_of_the_two_as_best() -> None:
    assert score("msp", of_pixels([2, 2]))[0, 0] == 0.5
    assert score("margin", of_pixels([2, 2]))[0, 0] == 1


def test_entropy_is_in_nats() -> None:
    even, sure = score("entropy", of_pixels([1, 1, 1, 1], [500, 0, 0, 0]))[0].tolist()
    assert even == pytest.approx(np.log(4))
    assert sure == 0


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("spread", [0.1, 2.0, 30.0])
def test_what_bounds_what(seed: int, spread: float) -> None:
    p, slack = random_prediction(seed, 7, spread), 1 + 1e-5
    msp, margin, entropy, energy = (score(name, p) for name in ("msp", "margin", "entropy", "energy"))
    assert (msp <= margin * slack).all()
    assert (margin <= 2 * msp * slack).all()
    assert (msp <= 6 / 7 * slack).all()
    assert (-torch.log1p(-msp) <= entropy * slack).all()  # min-entropy below Shannon's
    assert (entropy <= np.log(7) * slack).all()
    assert (energy <= score("max_logit", p) + 1e-5).all()
    assert (energy >= score("max_logit", p) - np.log(7) - 1e-5).all()


def test_of_two_classes_posterior_scores_rank_alike() -> None:
    p = random_prediction(13, 2)
    orders = [score(name, p).flatten().argsort() for name in OF_POSTERIOR]
    assert all(torch.equal(order, orders[0]) for order in orders[1:])


def test_gmm_lse_of_equal_densities_is_their_value() -> None:
    assert score("gmm_lse", of_pixels([7, 7, 7]))[0, 0] == pytest.approx(-7)


def test_rba_of_a_pixel_that_no_mask_claims_is_zero() -> None:
    claimed, free = score("rba", of_pixels([1, 0, 0], [0, 0, 0]))[0].tolist()
    assert claimed == pytest.approx(-np.tanh(1))
    assert free == 0
