"""Which scores there are: one line an entry; and which of them a request asks for."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from torch import Tensor

from gmmbench.errors import InputError, unknown_name
from gmmbench.prediction import Prediction
from gmmbench.scores.energy import energy
from gmmbench.scores.entropy import entropy
from gmmbench.scores.gmm_lse import gmm_lse
from gmmbench.scores.gmm_max import gmm_max
from gmmbench.scores.max_logit import max_logit
from gmmbench.scores.msp import msp
from gmmbench.scores.training_pixels import State, TrainingPixels

PIXELWISE = frozenset({"logits", "density"})
"""Fields that a score may be given in parts: it looks at their pixels one by one."""


@dataclass(frozen=True)
class Score:
    """A score and what a table says of it.

    Attributes:
        compute: a ``Prediction`` to (H, W) float32, higher = more anomalous; keyword arguments with defaults
            are its options.
        needs: the field of ``Prediction`` that it reads beside the logits: "logits", "density", "features", "head",
            "void", "perturbed", "dropout" or "ensemble". One that needs "logits" or "density" looks at pixels
            one by one and at nothing else.
        formula: one line, in the symbols z = logits, p = softmax(z), d_c = log p(x | c), f = feature.
        options: what differs from the defaults.
    """

    compute: Callable[..., Tensor]
    needs: str
    formula: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, prediction: Prediction) -> Tensor:
        """(H, W) float32, with the options."""
        return self.compute(prediction, **self.options)


@dataclass(frozen=True)
class FittedScore:
    """A score that reads something fitted to the training set.

    Attributes:
        fit: ``TrainingPixels`` to a ``State``; keyword arguments with defaults are options.
        compute: a ``Prediction`` and that ``State`` to (H, W) float32; keyword arguments with defaults are options.
        needs, formula, options: as in ``Score``; options of both functions.
    """

    fit: Callable[..., State]
    compute: Callable[..., Tensor]
    needs: str
    formula: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def fitted(self, pixels: TrainingPixels) -> State:
        """What the fit gives, with the options."""
        return self.fit(pixels, **_of(self.fit, self.options))

    def bound(self, state: State) -> Score:
        """The score with what was fitted."""
        return Score(partial(self.compute, state=state), self.needs, self.formula, _of(self.compute, self.options))


SCORES: dict[str, Score] = {
    "gmm_max": Score(gmm_max, "density", "-max_c d_c"),
    "gmm_lse": Score(gmm_lse, "density", "-log 1/C sum_c exp(d_c)"),
    "msp": Score(msp, "logits", "1 - max_c p_c"),
    "max_logit": Score(max_logit, "logits", "-max_c z_c"),
    "entropy": Score(entropy, "logits", "-sum_c p_c log p_c, in nats"),
    "energy": Score(energy, "logits", "-log sum_c exp(z_c)"),
}
"""Pure scores by name, in the order of tables. On a GMM model the logits scores read its posterior."""

FITTED: dict[str, FittedScore] = {}
"""Scores that are fitted to the training set, by name, in the order of tables."""


def choose(wanted: str, gives: Collection[str]) -> dict[str, Score | FittedScore]:
    """The scores that a request asks for.

    Args:
        wanted: "fast" (those that need logits or density alone), "all" (those that the model can give), or names
            separated by commas. A name may carry options: ``msp@temperature=2``, and is then called so in tables.
        gives: the fields of ``Prediction`` that the model can fill.

    Raises:
        InputError: an unknown name or option, or a score that this model cannot give; lists those it can.
    """
    known: dict[str, Score | FittedScore] = {**SCORES, **FITTED}
    possible = {name: score for name, score in known.items() if score.needs in gives}
    if wanted == "all":
        return possible
    if wanted == "fast":
        return {name: score for name, score in possible.items() if score.needs in PIXELWISE and name in SCORES}
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
        chosen[full_name] = _with_options(name, known[name], changes) if changes else known[name]
    return chosen


def options_of(score: Score | FittedScore) -> dict[str, Any]:
    """The options of a score and what they are set to."""
    functions = (score.compute,) if isinstance(score, Score) else (score.fit, score.compute)
    defaults = {name: value for function in functions for name, value in _defaults(function).items()}
    return defaults | dict(score.options)


def _with_options(name: str, score: Score | FittedScore, changes: Collection[str]) -> Score | FittedScore:
    known, options = options_of(score), dict[str, Any]()
    for change in changes:
        key, _, text = change.partition("=")
        if key not in known:
            raise unknown_name(f"option of score '{name}':", key, known)
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
