"""What the numbers say, in words that follow from intervals: nothing that a reader could not check in the tables."""

from __future__ import annotations

import enum
import math
from collections.abc import Sequence
from dataclasses import replace

from gmmbench.report.blocks import Code, Form, Inline, Mark, Number, Strong, Words
from gmmbench.report.material import Material
from gmmbench.report.models import Model
from gmmbench.report.numbers import Side, closed_side, difference, has_closed, marked
from gmmbench.report.pairs import RANKING, Pair, best_side, density_side, pairs_of
from gmmbench.report.render.numbers import interval, shown
from gmmbench.report.runs import CLOSED, OOD_TASK
from gmmbench.report.seen import partial, prevalence
from gmmbench.report.text import count, percent

DIRECTIONS = {"AUROC": "higher", "AP": "higher", "FPR95": "lower"}
"""The metrics of a verdict, and which way is better."""


class Standing(enum.Enum):
    """How the first of two stands to the second."""

    BETTER = "better"
    WORSE = "worse"
    SAME = "not told apart"
    """The interval of the difference holds 0."""
    UNKNOWN = "not known: no interval"


def standing(apart: Number, better: str | None) -> Standing:
    """By the interval of a difference alone, whichever its size."""
    if better is None or not apart.has_interval:
        return Standing.UNKNOWN
    assert apart.low is not None
    assert apart.high is not None
    if apart.low <= 0 <= apart.high:
        return Standing.SAME
    return Standing.BETTER if (apart.low > 0) is (better == "higher") else Standing.WORSE


def ood_verdicts(material: Material, dataset: str, sides: Sequence[Side]) -> list[Words]:
    """Of one data set: each GMM model against its rival, and which score of all has the best AP.

    Args:
        sides: the rows of its table, best AP first.
    """
    lines = [_against(material, dataset, pair) for pair in pairs_of(material.models_on(dataset)) if pair.twin]
    return [line for line in lines if line is not None] + [_best(dataset, sides)]


def closed_verdicts(material: Material, dataset: str) -> list[Words]:
    """Of one closed set: mIoU of each model, twins with their difference."""
    models = [model for model in material.models if has_closed(model, dataset)]
    pairs = [pair for pair in pairs_of(models) if pair.twin is not None]
    lines: list[Words] = []
    for pair in pairs:
        assert pair.twin is not None
        apart = difference(closed_side(pair.model, dataset), closed_side(pair.twin, dataset), "mIoU")
        how = {
            Standing.BETTER: "the GMM segments better",
            Standing.WORSE: "the GMM segments worse",
            Standing.SAME: "no difference that these images could tell",
            Standing.UNKNOWN: "how sure that is, is not known",
        }[standing(apart, "higher")]
        values = f"mIoU {_miou(pair.model, dataset)} ({pair.model.label}) and {_miou(pair.twin, dataset)}"
        text = f" {values} ({pair.twin.label}): {how}, {shown(apart)} {interval(apart)}".rstrip()
        lines.append((Strong(f"{dataset}:"), f"{text}{_partial([pair.model, pair.twin], CLOSED, dataset)}."))
    if not lines and models:
        values = ", ".join(f"{_miou(model, dataset)} ({model.label})" for model in models)
        lines.append((Strong(f"{dataset}:"), f" mIoU {values}{_partial(models, CLOSED, dataset)}."))
    return lines


def _against(material: Material, dataset: str, pair: Pair) -> Words | None:
    """ "GMM density beats the best discriminative score on AP by 8.10 [5.00, 11.30]; no difference on AUROC"."""
    assert pair.twin is not None
    mine, best = density_side(pair.model, dataset), best_side(pair.twin, dataset)
    if mine is None or best is None:
        return None
    said: dict[Standing, list[str]] = {}
    for metric, better in DIRECTIONS.items():
        apart = difference(mine, best, metric)
        if not math.isnan(apart.value):
            how = standing(apart, better)
            said.setdefault(how, []).append(_by(metric, apart, better, how))
    if not said:
        return None
    who: tuple[Inline, ...] = (
        Strong(f"{dataset}:"), " the GMM density (", Code(mine.score), f" of {pair.model.label}) ",
    )  # fmt: skip
    whose = "its twin's" if pair.same_recipe else "the"
    rival: tuple[Inline, ...] = (f" {whose} best discriminative score (", Code(best.score), f" of {pair.twin.label})")
    parts: list[tuple[Inline, ...]] = []
    for how, verb in ((Standing.BETTER, "beats"), (Standing.WORSE, "loses to")):
        if how in said:
            target = rival if not parts else (" it",)
            parts.append((verb, *target, f" on {_listed(said[how])}"))
    for how, words in ((Standing.SAME, "no difference"), (Standing.UNKNOWN, "without an interval, not told")):
        if how in said:
            target = () if parts else ("and", *rival, ": ")
            parts.append((*target, f"{words} on {_listed(said[how])}"))
    joined: list[Inline] = [part for place, each in enumerate(parts) for part in (*(("; ",) if place else ()), *each)]
    seeds = max(len(pair.model.runs), len(pair.twin.runs))
    means = f" (means over {seeds} seeds)" if seeds > 1 else ""
    return (*who, *joined, f"{means}{_partial([pair.model, pair.twin], OOD_TASK, dataset)}.")


def _by(metric: str, apart: Number, better: str, how: Standing) -> str:
    """ "AP by 8.10 [5.00, 11.30]": by how much it is ahead or behind, never a sign to puzzle over."""
    if how in (Standing.SAME, Standing.UNKNOWN):
        return f"{metric} ({shown(apart)}{' ' if apart.has_interval else ''}{interval(apart)})"
    ahead = (better == "higher") is (how is Standing.BETTER)
    assert apart.low is not None
    assert apart.high is not None
    size = replace(apart, form=Form.PERCENT)
    if not ahead:
        size = replace(size, value=-apart.value, low=-apart.high, high=-apart.low)
    return f"{metric} by {shown(size)} {interval(size)}"


def _best(dataset: str, sides: Sequence[Side]) -> Words:
    """The best AP of all rows, how many rows are within noise of it, and what chance would give."""
    numbers = marked(sides, RANKING, DIRECTIONS[RANKING])
    defined = [(side, one) for side, one in zip(sides, numbers, strict=True) if not math.isnan(one.value)]
    if not defined:
        return (Strong(f"{dataset}:"), f" no row has a defined {RANKING}.")
    winner, best = max(defined, key=lambda each: each[1].value)
    near = sum(1 for _, one in defined if one.mark is Mark.NEAR)
    others = f"; {near} other row{' is' if near == 1 else 's are'} within noise of it" if near else ""
    row = winner.rows(RANKING)[0]
    chance = prevalence(row)
    above = "" if math.isnan(chance) else f"; a chance score gives {percent(chance)} %"
    if best.value <= chance:
        above += ", so no row here is better than chance"
    return (
        Strong(f"{dataset}:"), f" the best {RANKING} of all {len(sides)} rows is {shown(best)} % (",
        Code(winner.score), f" of {winner.model.label}){others}{above}"
        f"{_partial([winner.model], OOD_TASK, dataset)}.",
    )  # fmt: skip


def _miou(model: Model, dataset: str) -> str:
    rows = model.closed(dataset, "mIoU")
    return percent(sum(row.value for row in rows) / len(rows)) if rows else "n/a"


def _partial(models: Sequence[Model], task: str, dataset: str) -> str:
    """Said in the same breath as the number where not every image was seen."""
    rows = [row for model in models if (row := model.first(task, dataset)) is not None and partial(row)]
    seen = {f"{count(row.counts['images'])} of {count(row.counts['images_total'])}" for row in rows}
    return f" (partial evaluation: {' or '.join(sorted(seen))} images)" if seen else ""


def _listed(words: Sequence[str]) -> str:
    """ "a, b and c"."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
