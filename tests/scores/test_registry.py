"""Which scores there are, how a request names them, and what their options are."""

from __future__ import annotations

import inspect
import io
import re

import pytest
import torch
from rich.console import Console

from gmmbench.errors import InputError
from gmmbench.listings import scores_table
from gmmbench.prediction import Prediction
from gmmbench.scores import FAST, FIELDS, FITTED, SCORES, FittedScore, Score, choose, options_of
from gmmbench.scores.limits import LIMITS, check_options
from gmmbench.scores.training_pixels import TrainingPixels

KNOWN: dict[str, Score | FittedScore] = {**SCORES, **FITTED}
BOTH = ("logits", "density")
OF_LOGITS = [name for name, score in KNOWN.items() if score.needs == "logits"]


def test_no_name_is_both_pure_and_fitted() -> None:
    assert not set(SCORES) & set(FITTED)


@pytest.mark.parametrize("name", KNOWN)
def test_an_entry_is_whole(name: str) -> None:
    score = KNOWN[name]
    assert score.needs in FIELDS
    assert score.formula.strip()
    assert "\n" not in score.formula
    assert not score.options
    paper = inspect.getdoc(score.compute)
    assert paper is not None
    assert re.search(r"arXiv \d{4}\.\d{5}|[A-Z]\w+,? (CVPR )?20\d\d", paper)  # number, or author and year


def test_scores_stand_in_the_order_of_what_they_need() -> None:
    needs = [score.needs for score in SCORES.values()]
    order = ["density", "logits", "head", "features", "void", "perturbed", "dropout", "ensemble"]
    assert needs == sorted(needs, key=order.index)


def test_choose_fast_is_some_of_what_looks_at_pixels_one_by_one() -> None:
    fast = choose("fast", FIELDS)
    assert list(fast) == list(FAST)
    assert all(isinstance(score, Score) and score.pixelwise for score in fast.values())
    assert [name for name in fast if fast[name].needs == "density"] == ["gmm_max", "gmm_lse"]
    assert not {"gmm_max", "gmm_lse"} & set(choose("fast", ["logits"]))


def test_choose_all_is_what_the_model_can_give() -> None:
    assert choose("all", FIELDS) == KNOWN
    assert list(choose("all", FIELDS)) == list(KNOWN)
    assert list(choose("all", ["logits"])) == OF_LOGITS
    assert {"ash", "react", "void"} <= set(choose("all", ["logits", "head", "void"]))
    assert "odin" not in choose("all", ["logits", "head", "void"])


def test_choose_names_in_the_order_asked_once_each() -> None:
    assert list(choose("msp", ["logits"])) == ["msp"]
    assert list(choose(" energy , gmm_max,msp,", BOTH)) == ["energy", "gmm_max", "msp"]
    assert list(choose("msp,energy,msp", BOTH)) == ["msp", "energy"]
    assert choose("msp", BOTH)["msp"] == SCORES["msp"]


def test_choose_suggests_for_an_unknown_name() -> None:
    with pytest.raises(InputError, match="unknown score 'max_logits'; did you mean 'max_logit'") as raised:
        choose("msp,max_logits", BOTH)
    for name in KNOWN:
        assert name in str(raised.value)


@pytest.mark.parametrize("name", [name for name, score in KNOWN.items() if score.needs != "logits"])
def test_choose_refuses_what_the_model_cannot_give(name: str) -> None:
    with pytest.raises(InputError, match=f"score '{name}' needs {KNOWN[name].needs}") as raised:
        choose(f"msp,{name}", ["logits"])
    can = str(raised.value).partition("it can give: ")[2].split(", ")
    assert can == OF_LOGITS


@pytest.mark.parametrize("wanted", ["", " ", ",", " , ,"])
def test_choose_nothing(wanted: str) -> None:
    with pytest.raises(InputError, match="no score named; this model can give: msp"):
        choose(wanted, ["logits"])


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("msp", {"temperature": 1.0}),
        ("max_logit", {}),
        ("energy", {"temperature": 1.0}),
        ("gen", {"gamma": 0.1, "top": 100}),
        ("ash", {"percentile": 90.0}),
        ("scale", {"percentile": 85.0}),
        ("odin", {"temperature": 1000.0, "epsilon": 0.0014}),
        ("mc_dropout_mi", {"passes": 8, "seed": 0}),
        ("ensemble_mi", {}),
        ("kl_matching", {}),
        ("sml", {"suppress": True, "smooth": True}),
        ("react", {"quantile": 0.9}),
        ("dice", {"sparsity": 0.7}),
    ],
)
def test_default_options(name: str, options: dict[str, float]) -> None:
    assert options_of(KNOWN[name]) == options


def test_options_ride_on_the_name() -> None:
    logits = torch.randn(5, 3, 4, generator=torch.Generator().manual_seed(0))
    chosen = choose("msp,msp@temperature=2,odin@temperature=3@epsilon=1e-4", FIELDS)
    assert list(chosen) == ["msp", "msp@temperature=2", "odin@temperature=3@epsilon=1e-4"]
    plain, hot, odin = chosen.values()
    assert isinstance(plain, Score)
    assert isinstance(hot, Score)
    torch.testing.assert_close(hot(Prediction(logits)), plain(Prediction(logits / 2)))
    assert options_of(odin) == {"temperature": 3.0, "epsilon": 1e-4}
    assert not SCORES["msp"].options


def test_options_of_a_fitted_score_reach_fit_and_score() -> None:
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(50, 4, generator=generator)
    logits = 3 * torch.randn(50, 5, generator=generator)
    pixels = TrainingPixels(features, logits, logits.argmax(dim=1))
    chosen = choose("react@quantile=1,sml@suppress=false@smooth=False", FIELDS)
    react, sml = chosen.values()
    assert isinstance(react, FittedScore)
    assert isinstance(sml, FittedScore)
    assert react.fitted(pixels)["limit"] == features.max()
    p = Prediction(logits.t().reshape(5, 5, 10))
    bare, state = sml.bound(sml.fitted(pixels)), FITTED["sml"].fitted(pixels)
    assert bare.options == {"suppress": False, "smooth": False}
    assert not torch.equal(bare(p), FITTED["sml"].bound(state)(p))


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("msp@temprature=2", "unknown option of score 'msp': 'temprature'; did you mean 'temperature'"),
        ("max_logit@temperature=2", "unknown option of score 'max_logit': 'temperature'; known: none"),
        ("msp@temperature=warm", "msp@temperature=warm: wanted a number"),
        ("msp@temperature", "msp@temperature=: wanted a number"),
        ("gen@top=2.5", r"gen@top=2\.5: wanted a whole number"),
        ("sml@smooth=yes", "sml@smooth=yes: wanted true or false"),
        ("msq@temperature=2", "unknown score 'msq'; did you mean 'msp'"),
        ("msp@temperature=2@temperature=3", "msp: option temperature is given twice"),
        ("msp@temperature=0", r"msp@temperature=0\.0: wanted a number above 0"),
        ("energy@temperature=inf", "energy@temperature=inf: wanted a number above 0, finite"),
        ("msp@temperature=nan", "msp@temperature=nan: wanted a number above 0, finite"),
        ("odin@epsilon=nan", "odin@epsilon=nan: wanted 0 or more, finite"),
        ("odin@epsilon=-0.1", r"odin@epsilon=-0\.1: wanted 0 or more$"),
        ("gen@gamma=inf", "gen@gamma=inf"),
        ("gen@top=0", "gen@top=0: wanted 1 or more"),
        ("ash@percentile=100", "wanted 0 or more, below 100"),
        ("react@quantile=1.5", "wanted 0 or more, at most 1"),
        ("dice@sparsity=1", "wanted 0 or more, below 1"),
        ("mahalanobis_class@prior=inf", "mahalanobis_class@prior=inf"),
        ("vim@dim=-1", "vim@dim=-1: wanted 0 or more"),
        ("knn@k=0", "knn@k=0: wanted 1 or more"),
        ("knn@bank=-1", "knn@bank=-1: wanted 1 or more"),
        ("knn@k=20@bank=10", "knn@k=20: wanted 1 to 10, the size of the bank"),
        (
            "gmm_posthoc@covariance=diagonal",
            "unknown covariance of score 'gmm_posthoc': 'diagonal'",
        ),
        ("gmm_posthoc@floor=inf", "gmm_posthoc@floor=inf"),
        ("mc_dropout_mi@passes=0", "mc_dropout_mi@passes=0: wanted 1 or more"),
        ("knn@seed=99999999999999999999", "knn@seed=99999999999999999999: wanted 0 or more, at most"),
    ],
)
def test_bad_options_are_refused(wanted: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        choose(wanted, FIELDS)


def test_every_number_among_the_options_has_its_limits_and_keeps_them() -> None:
    for name, score in KNOWN.items():
        options = options_of(score)
        assert {key for key, value in options.items() if type(value) in (int, float)} <= set(LIMITS), name
        check_options(name, options)


def test_listing_prints_each_score() -> None:
    out = io.StringIO()
    Console(file=out, width=400).print(scores_table())
    lines = out.getvalue().splitlines()
    for name, score in SCORES.items():
        (line,) = [line for line in lines if line.split()[:1] == [name]]
        assert score.needs in line
        assert score.formula in line
