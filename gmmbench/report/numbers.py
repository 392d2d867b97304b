"""What a table shows of a model's number: mean over seeds, interval over images, and how it stands to the best.

Intervals and marks come from the values on resampled images that evaluations keep (``gmmbench.results.resamples``):
resample by resample two scores saw the same images, so their difference is paired. Of several seeds the values are
averaged first: the interval is then that of the seeds' mean, over images; how seeds differ is the spread beside it.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gmmbench.metrics.resampling import LEVEL, interval, minus
from gmmbench.report.blocks import Form, Mark, Number
from gmmbench.report.models import Model
from gmmbench.report.render.numbers import shown
from gmmbench.report.runs import CLOSED
from gmmbench.results import Row

CONFUSION = "confusion"
"""The name under which a closed set's resampled values are kept."""


@dataclass(frozen=True)
class Side:
    """A score of a model on a data set, or a model on a closed set (``score`` is "confusion").

    Attributes:
        model, dataset, score: which.
    """

    model: Model
    dataset: str
    score: str

    def rows(self, metric: str) -> list[Row]:
        """One a run."""
        if self.score == CONFUSION:
            metric, _, class_name = metric.partition("/")
            return self.model.closed(self.dataset, metric, class_name or None)
        return self.model.of(self.dataset, self.score, metric)

    def drawn(self, metric: str) -> tuple[tuple[str, ...], NDArray[np.float64]] | None:
        """Which images, and (R,) the seeds' mean on each resample; ``None`` where a run has none."""
        found = [run.resamples(self.dataset, self.score) for run in self.model.runs]
        kept = [one for one in found if one is not None and metric in one.values]
        if len(kept) < len(found):
            return None
        images = tuple(dict.fromkeys(one.images for one in kept))
        if len(images) > 1:
            return None
        return images, np.mean([one.values[metric] for one in kept], axis=0)


def number(side: Side, metric: str, form: Form = Form.PERCENT) -> Number:
    """The number of ``metric``, as a cell; NaN where it was not measured."""
    rows = side.rows(metric)
    values = [row.value for row in rows]
    if not values:
        return Number(math.nan, form)
    if len(values) == 1:
        return Number(values[0], form, rows[0].low, rows[0].high)
    drawn = side.drawn(metric)
    low, high = (None, None) if drawn is None else interval(drawn[1], LEVEL)[:2]
    return Number(statistics.fmean(values), form, low, high, _deviation(values), len(values))


def difference(first: Side, second: Side, metric: str) -> Number:
    """``metric`` of the first less that of the second, with its paired interval where both saw the same images."""
    value = number(first, metric).value - number(second, metric).value
    drawn = first.drawn(metric), second.drawn(metric)
    if drawn[0] is None or drawn[1] is None or drawn[0][0] != drawn[1][0] or drawn[0][1].shape != drawn[1][1].shape:
        return Number(value, Form.POINTS)
    low, high, _ = interval(minus(drawn[0][1], drawn[1][1]), LEVEL)
    return Number(value, Form.POINTS, low, high)


def marked(sides: Sequence[Side], metric: str, better: str | None, form: Form = Form.PERCENT) -> list[Number]:
    """The numbers of a column, the best marked, and those whose paired difference to it may be luck of the images.

    Nothing is marked in a column without a direction, or with fewer than two defined numbers.
    """
    numbers = [number(side, metric, form) for side in sides]
    defined = [place for place, one in enumerate(numbers) if not math.isnan(one.value)]
    if better is None or len(defined) < 2:
        return numbers
    choose = max if better == "higher" else min
    leader = choose(defined, key=lambda place: numbers[place].value)
    for place in defined:
        if shown(numbers[place]) == shown(numbers[leader]):  # nobody sees a difference behind the last digit
            numbers[place] = replace(numbers[place], mark=Mark.BEST)
        elif may_be_luck(difference(sides[place], sides[leader], metric)):
            numbers[place] = replace(numbers[place], mark=Mark.NEAR)
    return numbers


def may_be_luck(difference: Number) -> bool:
    """Whether a difference's interval is known and holds 0."""
    if not difference.has_interval:
        return False
    assert difference.low is not None
    assert difference.high is not None
    return difference.low <= 0 <= difference.high


def closed_side(model: Model, dataset: str) -> Side:
    """A model on a closed set; metrics are "mIoU", "mAcc", "aAcc", and "IoU/CLASS"."""
    return Side(model, dataset, CONFUSION)


def has_closed(model: Model, dataset: str) -> bool:
    """Whether the model was evaluated on this closed set."""
    return model.first(CLOSED, dataset) is not None


def _deviation(values: Sequence[float]) -> float:
    """The sample standard deviation; NaN where a value is."""
    return math.nan if any(not math.isfinite(value) for value in values) else statistics.stdev(values)
