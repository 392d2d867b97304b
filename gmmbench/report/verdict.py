"""What the numbers say, in words: nothing that a reader could not check in the table below."""

from __future__ import annotations

from decimal import Decimal

import pandas as pd

from gmmbench.report.text import MISSING, count, escape, percent


def ood_verdict(dataset: str, ood: pd.DataFrame, metric: str = "AP") -> str:
    """The best AP, how far ahead of the best row of the other family, and what chance would give."""
    if metric not in ood or ood[metric].isna().all():
        return f"On {escape(dataset)} no row has a defined {metric}."
    shown = ood[metric].map(percent)
    best = percent(ood[metric].max())
    winners = ood[shown == best]
    names = " and ".join(_name(row) for _, row in winners.iterrows())
    if len(winners) > 1:
        text = f"On {escape(dataset)} {names} share the best {metric}, {best} %"
    else:
        text = f"On {escape(dataset)} the best {metric} is {best} % ({names})"
        text += _lead(ood.drop(index=winners.index), str(winners.iloc[0]["family"]), metric, best)
    chances = {percent(value) for value in winners["prevalence"]} - {MISSING}
    if metric == "AP" and len(chances) == 1:
        chance = chances.pop()
        above = Decimal(best) > Decimal(chance)
        text += f"; a chance score gives {chance} %" + ("" if above else ", so no row here is better than chance")
    return f"{text}{_partial(ood)}."


def closed_verdict(dataset: str, closed: pd.DataFrame, metric: str = "mIoU") -> str:
    """The best mIoU and how far the next run is behind."""
    if metric not in closed or closed[metric].isna().all():
        return f"On {escape(dataset)} no run has a defined {metric}."
    shown = closed[metric].map(percent)
    best = percent(closed[metric].max())
    winners = closed[shown == best]
    if len(winners) > 1:
        names = " and ".join(escape(name) for name in winners["run"])
        text = f"On {escape(dataset)} {names} share the best {metric}, {best} %"
    else:
        text = f"On {escape(dataset)} the best {metric} is {best} % ({escape(winners.iloc[0]['run'])})"
        rest = closed.drop(index=winners.index).dropna(subset=[metric])
        if len(rest):
            second = rest.loc[rest[metric].idxmax()]
            text += f", {_points(best, second[metric])} above {escape(second['run'])}"
    return f"{text}{_partial(closed)}."


def _lead(rest: pd.DataFrame, family: str, metric: str, best: str) -> str:
    """The distance to the best row of another family, or of this one where there is no other."""
    rest = rest.dropna(subset=[metric])
    others = rest[rest["family"] != family]
    kind = "row"
    if len(others):
        rest, kind = others, f"{others.loc[others[metric].idxmax(), 'family']} row"
    if not len(rest):
        return ""
    rival = rest.loc[rest[metric].idxmax()]
    which = f"the best {escape(kind)}" if len(others) else "the next row"
    return f", {_points(best, rival[metric])} above {which} ({_name(rival)}, {percent(rival[metric])} %)"


def _partial(table: pd.DataFrame) -> str:
    """Said in the same breath as the number where not every image was seen."""
    partial = table[table["images"] < table["images_total"]]
    if not len(partial):
        return ""
    seen = {f"{count(row['images'])} of {count(row['images_total'])}" for _, row in partial.iterrows()}
    return f" (partial evaluation: {' or '.join(sorted(seen))} images)"


def _name(row: pd.Series) -> str:
    return f"{escape(row['score'])} of {escape(row['run'])}"


def _points(best: str, value: float) -> str:
    """The difference of the numbers as shown, so that a reader who subtracts gets the same."""
    difference = Decimal(best) - Decimal(percent(value))
    return f"{difference} point{'' if difference == 1 else 's'}"
