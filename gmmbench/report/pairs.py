"""Which discriminative model a generative one is compared with, and which of its scores."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from gmmbench.report.models import Model
from gmmbench.report.numbers import Side, number

RANKING = "AP"
"""By which the twin's best score is chosen: on the test set itself, in the twin's favour."""

FIRST_DENSITY = "gmm_lse"
"""The density score that stands for a GMM model, chosen beforehand and not by its numbers; else its first one."""


@dataclass(frozen=True)
class Pair:
    """A generative model and its rival.

    Attributes:
        twin: ``None``: there is none in the report.
        same_recipe: both were trained by one recipe, and differ in the classifier alone; if not, ``why`` says what is
            known.
    """

    model: Model
    twin: Model | None
    same_recipe: bool
    why: str = ""


def pairs_of(models: Sequence[Model]) -> list[Pair]:
    """Each generative model with the discriminative one of its recipe, or else with the only one that there is."""
    rivals = [model for model in models if not model.generative and _is_a_model(model)]
    found = []
    for model in (model for model in models if model.generative):
        mine = _recipe(model)
        twins = [rival for rival in rivals if mine is not None and _recipe(rival) == mine]
        if twins:
            found.append(Pair(model, twins[0], True))
        elif len(rivals) == 1:
            known = mine is not None and _recipe(rivals[0]) is not None
            why = "they were not trained by one recipe" if known else "their rows do not record the recipe"
            found.append(Pair(model, rivals[0], False, why))
        else:
            found.append(Pair(model, None, False))
    return found


def density_side(model: Model, dataset: str) -> Side | None:
    """The density score of a model on a data set."""
    names = [score for score, family in model.scores.get(dataset, {}).items() if family == "density"]
    if not names:
        return None
    return Side(model, dataset, FIRST_DENSITY if FIRST_DENSITY in names else names[0])


def best_side(model: Model, dataset: str) -> Side | None:
    """The score of a single model with the best AP: not an ensemble's, which costs several trainings."""
    sides = [Side(model, dataset, score) for score in model.scores.get(dataset, {})]
    ranked = [(number(side, RANKING).value, side) for side in sides if not _of_several(side)]
    defined = [(value, side) for value, side in ranked if not math.isnan(value)]
    return max(defined, key=lambda one: one[0])[1] if defined else None


def _of_several(side: Side) -> bool:
    rows = side.rows(RANKING)
    return any(int((row.provenance.get("models") or {}).get(side.score, 1)) > 1 for row in rows)


def _is_a_model(model: Model) -> bool:
    """Not score maps made elsewhere, of which nothing is known."""
    return any(family != "outside" for scores in model.scores.values() for family in scores.values())


def _recipe(model: Model) -> object:
    """What twins share: config but for the classifier, changes to it, steps and seeds; ``None`` where not recorded."""
    recipe = model.recorded("recipe_sha256")
    if recipe is None:
        return None
    seeds = sorted(str(seed) for run in model.runs for seed in run.recorded("seed"))
    training = [record for run in model.runs for record in run.recorded("training") if isinstance(record, dict)]
    how = {
        (record.get("iterations"), *(change for change in record.get("overrides", ()) if "classifier" not in change))
        for record in training
    }
    return recipe, seeds, sorted(map(str, how)), model.recorded("posthoc") is not None
