"""Which scores there are: one line an entry; and which of them a request asks for."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import torch
from torch import Tensor

from gmmbench.errors import InputError, unknown_name
from gmmbench.prediction import Prediction
from gmmbench.scores import (
    dice,
    gmm_posthoc,
    kl_matching,
    knn,
    mahalanobis,
    mahalanobis_class,
    mahalanobis_pp,
    react,
    relative_mahalanobis,
    sml,
    vim,
)
from gmmbench.scores.ash import ash
from gmmbench.scores.energy import energy
from gmmbench.scores.ensemble_entropy import ensemble_entropy
from gmmbench.scores.ensemble_mi import ensemble_mi
from gmmbench.scores.entropy import entropy
from gmmbench.scores.gen import gen
from gmmbench.scores.gmm_lse import gmm_lse
from gmmbench.scores.gmm_max import gmm_max
from gmmbench.scores.limits import check_options
from gmmbench.scores.margin import margin
from gmmbench.scores.max_logit import max_logit
from gmmbench.scores.mc_dropout_entropy import mc_dropout_entropy
from gmmbench.scores.mc_dropout_mi import mc_dropout_mi
from gmmbench.scores.msp import msp
from gmmbench.scores.odin import odin
from gmmbench.scores.rba import rba
from gmmbench.scores.scale import scale
from gmmbench.scores.training_pixels import State, TrainingPixels
from gmmbench.scores.void import void

PIXELWISE = frozenset({"logits", "density"})
"""Fields that a score may be given in parts: it looks at their pixels one by one."""

FAST = ("gmm_max", "gmm_lse", "msp", "max_logit", "entropy", "margin", "energy")
"""Scores that cost next to nothing beside the forward."""

FIELDS = PIXELWISE | {"features", "head", "void", "perturbed", "dropout", "ensemble"}
"""All that a score may need of a ``Prediction``."""

AnyScore = TypeVar("AnyScore", bound="Score | FittedScore")


@dataclass(frozen=True)
class Score:
    """A score and what a table says of it.

    Attributes:
        compute: a ``Prediction`` to (H, W) float32, higher = more anomalous; keyword arguments with defaults
            are its options.
        needs: the field of ``Prediction`` that it reads beside the logits: "logits", "density", "features", "head",
            "void", "perturbed", "dropout" or "ensemble". One that needs "logits" or "density" looks at pixels
            one by one and at nothing else, unless it is ``whole``.
        formula: one line, in the symbols z = logits, p = softmax(z), d_c = log p(x | c), f = feature.
        options: what differs from the defaults.
        whole: it must be given the whole image.
    """

    compute: Callable[..., Tensor]
    needs: str
    formula: str
    options: Mapping[str, Any] = field(default_factory=dict)
    whole: bool = False

    @property
    def pixelwise(self) -> bool:
        """Whether it may be given some of an image's rows at a time."""
        return self.needs in PIXELWISE and not self.whole

    def __call__(self, prediction: Prediction) -> Tensor:
        """(H, W) float32, with the options."""
        return self.compute(prediction, **self.options)


@dataclass(frozen=True)
class FittedScore:
    """A score that reads something fitted to the training set.

    Attributes:
        fit: ``TrainingPixels`` to a ``State``; keyword arguments with defaults are options.
        compute: a ``Prediction`` and that ``State`` to (H, W) float32; keyword arguments with defaults are options.
        needs, formula, options, whole: as in ``Score``; options of both functions.
    """

    fit: Callable[..., State]
    compute: Callable[..., Tensor]
    needs: str
    formula: str
    options: Mapping[str, Any] = field(default_factory=dict)
    whole: bool = False

    def fitted(self, pixels: TrainingPixels) -> State:
        """What the fit gives, with the options."""
        return self.fit(pixels, **_of(self.fit, self.options))

    def bound(self, state: State) -> Score:
        """The score with what was fitted, which follows a prediction to its device."""
        held: dict[torch.device, State] = {}

        def compute(p: Prediction, **options: Any) -> Tensor:
            device = p.logits.device
            if device not in held:
                held[device] = {key: value.to(device) for key, value in state.items()}
            return self.compute(p, state=held[device], **options)

        return Score(compute, self.needs, self.formula, _of(self.compute, self.options), self.whole)


SCORES: dict[str, Score] = {
    "gmm_max": Score(gmm_max, "density", "-max_c d_c"),
    "gmm_lse": Score(gmm_lse, "density", "-log 1/C sum_c exp(d_c)"),
    "msp": Score(msp, "logits", "1 - max_c p_c"),
    "max_logit": Score(max_logit, "logits", "-max_c z_c"),
    "entropy": Score(entropy, "logits", "-sum_c p_c log p_c, in nats"),
    "margin": Score(margin, "logits", "1 - (p_(1) - p_(2)), the two largest p_c"),
    "energy": Score(energy, "logits", "-log sum_c exp(z_c)"),
    "gen": Score(gen, "logits", "sum_c (p_c (1 - p_c))^gamma over the top likeliest c; gamma=0.1, top=100"),
    "rba": Score(rba, "logits", "-sum_c tanh(z_c), meant for mask classifiers"),
    "ash": Score(ash, "head", "-log sum_c exp(z_c), z = W f' + b, f' = f pruned, then scaled; percentile=90"),
    "scale": Score(scale, "head", "-log sum_c exp(z_c), z = W s f + b, s from f's largest channels; percentile=85"),
    "void": Score(void, "void", "log p_void / (1 - p_void) = z_void - log sum_c exp(z_c)"),
    "odin": Score(
        odin,
        "perturbed",
        "log (1 / max_c p_c - 1) / (C - 1), p = softmax(z(x~) / T), x~ = x a step surer;"
        " temperature=1000, epsilon=0.0014",
    ),
    "mc_dropout_entropy": Score(mc_dropout_entropy, "dropout", "H(E p) over passes with dropout; passes=8, seed=0"),
    "mc_dropout_mi": Score(mc_dropout_mi, "dropout", "H(E p) - E H(p) over passes with dropout; passes=8, seed=0"),
    "ensemble_entropy": Score(ensemble_entropy, "ensemble", "H(E p) over checkpoints"),
    "ensemble_mi": Score(ensemble_mi, "ensemble", "H(E p) - E H(p) over checkpoints"),
}
"""Pure scores by name, in the order of tables. On a GMM model the logits scores read its posterior."""

FITTED: dict[str, FittedScore] = {
    "kl_matching": FittedScore(
        kl_matching.fit, kl_matching.kl_matching, "logits", "min_k KL(p || d_k), d_k = mean p of pixels predicted as k"
    ),
    "sml": FittedScore(
        sml.fit,
        sml.sml,
        "logits",
        "-(max_c z_c - mu_k) / sigma_k at pixels predicted as k, boundaries suppressed, smoothed;"
        " suppress=true, smooth=true",
        whole=True,
    ),
    "react": FittedScore(
        react.fit, react.react, "head", "-log sum_c exp(z_c), z = W min(f, q) + b, q a quantile of f; quantile=0.9"
    ),
    "dice": FittedScore(
        dice.fit, dice.dice, "head", "-log sum_c exp(z_c), z = (W * M) f + b, M the weights that add most; sparsity=0.7"
    ),
    "mahalanobis": FittedScore(
        mahalanobis.fit, mahalanobis.mahalanobis, "features", "min_c (f - mu_c)^T S^-1 (f - mu_c), S tied"
    ),
    "mahalanobis_class": FittedScore(
        mahalanobis_class.fit,
        mahalanobis_class.mahalanobis_class,
        "features",
        "min_c (f - mu_c)^T S_c^-1 (f - mu_c), S_c drawn towards the tied S; prior=1 where the name does not say"
        " otherwise",
    ),
    "relative_mahalanobis": FittedScore(
        relative_mahalanobis.fit,
        relative_mahalanobis.relative_mahalanobis,
        "features",
        "min_c M_c - M_0, M = Mahalanobis distance, S tied, M_0 to all pixels' one Gaussian",
    ),
    "mahalanobis_pp": FittedScore(
        mahalanobis_pp.fit, mahalanobis_pp.mahalanobis_pp, "features", "mahalanobis of f / |f|"
    ),
    "knn": FittedScore(
        knn.fit,
        knn.knn,
        "features",
        "distance of f / |f| to its k-th nearest, of a bank of training pixels, an equal share from each class;"
        " k=1, bank=512 where the name does not say otherwise",
    ),
    "vim": FittedScore(vim.fit, vim.vim, "head", "alpha |residual of f| - log sum_c exp(z_c), z = W f + b"),
    "gmm_posthoc": FittedScore(
        gmm_posthoc.fit,
        gmm_posthoc.gmm_posthoc,
        "features",
        "-log 1/C sum_c p(g | c), g = f / |f|, Gaussians fitted to training features; covariance=full, components=1,"
        " unit=true, floor=0.1 where the name does not say otherwise",
    ),
}
"""Scores that are fitted to the training set, by name, in the order of tables."""


def choose(wanted: str, gives: Collection[str]) -> dict[str, Score | FittedScore]:
    """The scores that a request asks for.

    Args:
        wanted: "fast" (those of ``FAST``), "all" (those that the model can give), or names
            separated by commas. A name may carry options: ``msp@temperature=2``, and is then called so in tables.
        gives: the fields of ``Prediction`` that the model can fill.

    Raises:
        InputError: an unknown name or option, a value out of range, or a score that this model cannot give; lists
            those it can.
    """
    known: dict[str, Score | FittedScore] = {**SCORES, **FITTED}
    possible = {name: score for name, score in known.items() if score.needs in gives}
    if wanted == "all":
        return possible
    if wanted == "fast":
        return {name: score for name, score in possible.items() if name in FAST}
    names = [name.strip() for name in wanted.split(",") if name.strip()]
    if not names:
        raise InputError(f"no score named; this model can give: {', '.join(possible)}")
    chosen = {}
    for full_name in names:
        name, *changes = full_name.split("@")
        if name not in known:
            raise unknown_name("score", name, known)
        if name not in possible:
            raise InputError(
                f"score '{name}' needs {known[name].needs}, which this model does not give;"
                f" it can give: {', '.join(possible)}"
            )
        chosen[full_name] = with_options(name, known[name], changes)
        check_options(name, options_of(chosen[full_name]))
    return chosen


def family_of(score: Score | FittedScore, *, generative: bool) -> str:
    """What a table sets a score beside: see ``gmmbench.results.Row``.

    A GMM model's logits are made of its densities: a score of them is no baseline to set against the density.
    """
    if score.needs in ("density", "features"):
        return score.needs
    return "posterior" if generative else "logits"


def options_of(score: Score | FittedScore) -> dict[str, Any]:
    """The options of a score and what they are set to."""
    functions = (score.compute,) if isinstance(score, Score) else (score.fit, score.compute)
    defaults = {name: value for function in functions for name, value in _defaults(function).items()}
    return defaults | dict(score.options)


def with_options(name: str, score: AnyScore, changes: Collection[str]) -> AnyScore:
    """The score with options set, each "key=value"; itself where there is nothing to set.

    Raises:
        InputError: an unknown option, one given twice, or a text that is no value of its type.
    """
    if not changes:
        return score
    known, options = options_of(score), dict[str, Any]()
    for change in changes:
        key, _, text = change.partition("=")
        if key not in known:
            raise unknown_name(f"option of score '{name}':", key, known)
        if key in options:
            raise InputError(f"{name}: option {key} is given twice; give it once")
        options[key] = _parsed(f"{name}@{key}", text, known[key])
    fields = {key: getattr(score, key) for key in score.__dataclass_fields__}
    return type(score)(**fields | {"options": options})


def _parsed(what: str, text: str, default: Any) -> Any:
    """``text`` as the type of ``default``."""
    kind = type(default)
    if kind is bool:
        choices = {"true": True, "false": False}
        if text.lower() not in choices:
            raise InputError(f"{what}={text}: wanted true or false")
        return choices[text.lower()]
    try:
        return kind(text)
    except ValueError:
        raise InputError(f"{what}={text}: wanted {'a whole number' if kind is int else 'a number'}") from None


def _of(function: Callable[..., Any], options: Mapping[str, Any]) -> dict[str, Any]:
    known = _defaults(function)
    return {name: value for name, value in options.items() if name in known}


def _defaults(function: Callable[..., Any]) -> dict[str, Any]:
    """Keyword arguments with a default that is a plain value."""
    parameters = inspect.signature(function).parameters.values()
    return {p.name: p.default for p in parameters if isinstance(p.default, (bool, int, float, str))}
