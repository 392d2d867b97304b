"""What a score is: a function, what it reads, its options; and one that is fitted first."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import torch
from torch import Tensor

from gmmbench.errors import InputError, unknown_name
from gmmbench.prediction import Prediction
from gmmbench.scores.training_pixels import State, TrainingPixels

PIXELWISE = frozenset({"logits", "density"})
"""Fields that a score may be given in parts: it looks at their pixels one by one."""

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
