"""The tables that ``gmmbench eval-ood`` and ``gmmbench compare`` print."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from rich.markup import escape
from rich.table import Table
from rich.text import Text

from gmmbench.metrics import READINGS, Reading
from gmmbench.metrics.components import COMPONENT_READINGS
from gmmbench.results import Row
from gmmbench.verbs.compare import Comparison

_KNOWN: dict[str, Reading[Any, Any]] = {**READINGS, **COMPONENT_READINGS}


def ood_results(rows: Sequence[Row]) -> Iterator[Table]:
    """Of each data set a table of pixels and, where there are component metrics, one of objects.

    A line a score: its headline metrics in percent with intervals, the best of each bold.
    """
    for dataset in dict.fromkeys(row.dataset for row in rows):
        mine = [row for row in rows if row.dataset == dataset]
        for title, known in ((_title(mine[0]), READINGS), (f"{escape(dataset)}: objects, in %", COMPONENT_READINGS)):
            metrics = [name for name, reading in known.items() if reading.headline and _has(mine, name)]
            if metrics:
                yield _table(title, mine, metrics)


def _table(title: str, rows: Sequence[Row], metrics: Sequence[str]) -> Table:
    """Three metrics fit 80 columns; where a score's name is too long for what they leave, it is folded."""
    table = Table(title=title, title_justify="left", box=None, padding=(0, 1, 0, 0))
    table.add_column("score", overflow="fold")
    for name in metrics:
        table.add_column(f"{name} {'↑' if _KNOWN[name].higher_is_better else '↓'}", justify="right", no_wrap=True)
    best = {name: _best(rows, name) for name in metrics}
    for score in dict.fromkeys(row.score for row in rows):
        found = {row.metric: row for row in rows if row.score == score}
        table.add_row(escape(str(score)), *(_cell(found.get(name), best[name]) for name in metrics))
    return table


def differences(comparisons: Sequence[Comparison]) -> Iterator[Table]:
    """One table a data set: the metrics of one score less those of another, in points."""
    for comparison in comparisons:
        first, second = comparison.first, comparison.second
        title = f"{comparison.dataset}: {first.score} of {first.run} less {second.score} of {second.run}, in points"
        table = Table(title=escape(title), title_justify="left", box=None, padding=(0, 2, 0, 0))
        for name in ("metric", "difference", "95 % interval", ""):
            table.add_column(name, justify="left" if name in ("metric", "") else "right")
        for metric, found in comparison.differences.items():
            if _KNOWN[metric].unit == "share":
                values = [_signed(value) for value in (found.value, found.low, found.high)]
                table.add_row(
                    metric,
                    values[0],
                    f"[{values[1]}, {values[2]}]".replace("[", "\\["),
                    _words(metric, found.low, found.high),
                )
        yield table


def difference_records(comparisons: Sequence[Comparison]) -> list[dict[str, Any]]:
    """A mapping a metric of each data set: what is compared, the difference in its own unit, its 95 % interval.

    ``better`` is "first", "second", "none" where the interval holds 0, or ``None`` where the metric has no better.
    """
    return [
        {
            "dataset": comparison.dataset,
            "metric": metric,
            **{
                f"{place}_{key}": value
                for place, side in (("first", comparison.first), ("second", comparison.second))
                for key, value in (("run", side.run), ("score", side.score))
            },
            "difference": found.value,
            "low": found.low,
            "high": found.high,
            "better": _better(metric, found.low, found.high),
        }
        for comparison in comparisons
        for metric, found in comparison.differences.items()
    ]


def _title(row: Row) -> str:
    counts, protocol = row.counts, row.provenance.get("protocol", {}).get("protocol", "")
    seen = f"{counts['images']} of {counts['images_total']} images"
    valid = counts["pixels_in"] + counts["pixels_ood"]
    share = f"{100 * counts['pixels_ood'] / valid:.2f} %" if valid else "no"
    version = {None: "", True: "", False: ", version not checked against the published archive"}[
        row.provenance.get("dataset", {}).get("version_checked")
    ]
    words = f"{row.dataset}: {seen}{version}, {share} of valid pixels OOD; {protocol} protocol, in %"
    return escape(words)


def _has(rows: Sequence[Row], metric: str) -> bool:
    return any(row.metric == metric for row in rows)


def _best(rows: Sequence[Row], metric: str) -> float:
    values = [row.value for row in rows if row.metric == metric and not math.isnan(row.value)]
    if len(values) < 2:
        return math.nan
    return max(values) if _KNOWN[metric].higher_is_better else min(values)


def _cell(row: Row | None, best: float) -> Text:
    if row is None or math.isnan(row.value):
        return Text("-")
    cell = Text(f"{100 * row.value:.2f}", style="bold" if row.value == best else "")
    if row.low is not None and row.high is not None and not math.isnan(row.low):
        cell.append(f" [{100 * row.low:.1f}, {100 * row.high:.1f}]", style="dim")
    return cell


def _signed(value: float) -> str:
    return "-" if math.isnan(value) else f"{100 * value:+.2f}"


def _words(metric: str, low: float, high: float) -> str:
    """Which one is better, where the interval says so."""
    better = _better(metric, low, high)
    return {None: "", "none": "no difference that these images show"}.get(better, f"the {better} is better")


def _better(metric: str, low: float, high: float) -> str | None:
    higher_is_better = _KNOWN[metric].higher_is_better
    if math.isnan(low) or higher_is_better is None:
        return None
    if low <= 0 <= high:
        return "none"
    return "first" if (low > 0) == higher_is_better else "second"
