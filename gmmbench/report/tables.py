"""Rows -> tables: pandas DataFrames at full precision. No rounding, percent, bold or arrows here."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import pandas as pd

from gmmbench.metrics import CLASS_READINGS, CONFUSION_READINGS, READINGS
from gmmbench.metrics.components import COMPONENT_READINGS
from gmmbench.report.runs import CLOSED, OOD_TASK, Run
from gmmbench.results import IMAGE_MEAN, Row

FAMILIES = {
    "density": "density (GMM)",
    "posterior": "posterior (GMM, logits made of its densities)",
    "logits": "logits (discriminative)",
    "features": "features (post hoc, of any model)",
    "outside": "made outside gmmbench",
}
"""Blocks of an OOD table, in order, and how they are called."""

CLASS_METRIC = next(iter(CLASS_READINGS))
"""The per-class reading that a report shows: IoU."""

MIOU_OF = "mIoU of "
"""How the closed-set columns of ``summary_table`` begin; the data set's name follows."""

COUNTS = ("images", "images_total", "pixels_in", "pixels_ood", "pixels_ignored")


def ood_table(runs: Sequence[Run], dataset: str) -> pd.DataFrame:
    """One row for each model and score: run, score, family, the metrics, COUNTS and prevalence.

    Density rows come before logits rows; inside a block the runs and their scores keep their order.
    """
    metrics = ood_metrics(runs, dataset)
    records = []
    for run in runs:
        rows = run.of(OOD_TASK, dataset)
        for score in dict.fromkeys(row.score for row in rows):
            mine = [row for row in rows if row.score == score]
            record: dict[str, object] = {"run": run.label, "score": score, "family": mine[0].family or "other"}
            values = {row.metric: row.value for row in mine}
            record.update({metric: values.get(metric, math.nan) for metric in metrics})
            record.update({name: _counted(mine, name) for name in COUNTS})
            records.append(record)
    columns = ["run", "score", "family", *metrics, *COUNTS]
    table = pd.DataFrame(records, columns=columns)
    table["prevalence"] = table["pixels_ood"] / (table["pixels_in"] + table["pixels_ood"])
    blocks = [*FAMILIES, *(family for family in table["family"].unique() if family not in FAMILIES)]
    order = table["family"].map(blocks.index)
    return table.loc[order.sort_values(kind="stable").index].reset_index(drop=True)


def ood_metrics(runs: Sequence[Run], dataset: str) -> list[str]:
    """The headline metrics that the rows of ``dataset`` hold, in the registries' order, then any these do not know.

    The rest (AUPR-in, best F1, means over images) is in the rows for those who ask.
    """
    found = (row.metric for run in runs for row in run.of(OOD_TASK, dataset))
    shown = (metric for metric in found if not metric.endswith(IMAGE_MEAN) and _is_headline(metric))
    return _ordered(shown, {**READINGS, **COMPONENT_READINGS})


def closed_table(runs: Sequence[Run], dataset: str) -> pd.DataFrame:
    """One row a run that has closed-set rows: run, the metrics, images, images_total, pixels."""
    rows = {run.label: [row for row in run.of(CLOSED, dataset) if row.class_name is None] for run in runs}
    metrics = _ordered((row.metric for mine in rows.values() for row in mine), CONFUSION_READINGS)
    records = []
    for label, mine in rows.items():
        if mine:
            values = {row.metric: row.value for row in mine}
            counts = {name: _counted(mine, name) for name in ("images", "images_total", "pixels")}
            records.append({"run": label, **{metric: values.get(metric, math.nan) for metric in metrics}, **counts})
    return pd.DataFrame(records, columns=["run", *metrics, "images", "images_total", "pixels"])


def class_table(runs: Sequence[Run], dataset: str, metric: str = CLASS_METRIC) -> pd.DataFrame:
    """One row a class and one column a run: the per-class reading ``metric``, by default IoU.

    The first column, "class", keeps the order of the rows, which is the order of the class numbers.
    """
    columns: dict[str, dict[str, float]] = {}
    for run in runs:
        rows = [row for row in run.of(CLOSED, dataset) if row.class_name is not None and row.metric == metric]
        if rows:
            columns[run.label] = {str(row.class_name): row.value for row in rows}
    classes = list(dict.fromkeys(name for values in columns.values() for name in values))
    table = pd.DataFrame({"class": pd.Series(classes, dtype=object)})
    for label, values in columns.items():
        # Not table[label]: a run may be called "class".
        column = pd.Series([values.get(name, math.nan) for name in classes], name=label, dtype=float)
        table = pd.concat([table, column], axis=1)
    return table


def coverage_table(ood: pd.DataFrame) -> pd.DataFrame:
    """What was counted: COUNTS and prevalence once for all rows of ``ood`` that share them, with their runs."""
    shared = [*COUNTS, "prevalence"]
    runs = ood.groupby(shared, sort=False, dropna=False)["run"].agg(lambda names: list(dict.fromkeys(names)))
    return runs.reset_index(name="runs")


def summary_table(runs: Sequence[Run], ood_sets: Sequence[str], closed_sets: Sequence[str]) -> pd.DataFrame:
    """One row for each OOD set, model and score, with the model's mIoU of each closed set: the headline.

    Columns: dataset, run, score, family, the metrics, then "mIoU of DATASET" for each closed set. Runs
    without OOD rows come last, with ``None`` as data set and score.
    """
    tables = [ood_table(runs, dataset).drop(columns=[*COUNTS, "prevalence"]) for dataset in ood_sets]
    for dataset, table in zip(ood_sets, tables, strict=True):
        table.insert(0, "dataset", dataset)
    seen = {label for table in tables for label in table["run"]}
    rest = [run.label for run in runs if run.label not in seen]
    if rest:
        tables.append(pd.DataFrame({"dataset": None, "run": rest, "score": None, "family": None}))
    summary = pd.concat([table.astype({"dataset": object, "score": object}) for table in tables], ignore_index=True)
    for dataset in closed_sets:
        closed = closed_table(runs, dataset).set_index("run")
        summary[f"{MIOU_OF}{dataset}"] = summary["run"].map(closed["mIoU"]) if "mIoU" in closed else math.nan
    return summary


def _is_headline(metric: str) -> bool:
    reading = READINGS.get(metric)
    return reading is None or reading.headline


def _ordered(metrics: Iterable[str], registry: Iterable[str]) -> list[str]:
    found = list(dict.fromkeys(metrics))
    known = [metric for metric in registry if metric in found]
    return [*known, *(metric for metric in found if metric not in known)]


def _counted(rows: Sequence[Row], name: str) -> float:
    """A count of ``rows``, which share it; NaN where it was not recorded."""
    return next((float(row.counts[name]) for row in rows if name in row.counts), math.nan)
