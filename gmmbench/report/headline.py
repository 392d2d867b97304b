"""The report's numbers in short, for the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from rich.table import Table
from rich.text import Text

from gmmbench.metrics import READINGS
from gmmbench.report.markdown import best_bold
from gmmbench.report.runs import CLOSED, OOD_TASK, datasets, load_runs
from gmmbench.report.tables import MIOU_OF, summary_table
from gmmbench.report.text import MISSING, one_line, shorten


def headline(runs: Sequence[Path]) -> Table:
    """OOD metrics of each data set, model and score, and the model's mIoU, in percent, best bold.

    Raises:
        InputError: as ``write_report`` does of the rows; counts are not read.
    """
    loaded = load_runs(runs)
    closed_sets = datasets(loaded, CLOSED)
    summary = summary_table(loaded, datasets(loaded, OOD_TASK), closed_sets)
    metrics = [column for column in summary.columns if column not in ("dataset", "run", "score", "family")]
    columns = {metric: _cells(summary, metric) for metric in metrics}
    changes = (summary["dataset"] != summary["dataset"].shift(-1)).tolist()

    table = Table(title="in %, the best of each data set bold", title_justify="left", box=None, padding=(0, 1, 0, 0))
    for name in ("OOD set", "model", "score"):
        table.add_column(name, overflow="fold")
    for metric in metrics:
        table.add_column(_head(metric, len(closed_sets)), justify="right", no_wrap=True)
    for number, names in enumerate(zip(summary["dataset"], summary["run"], summary["score"], strict=True)):
        cells = [columns[metric][number] for metric in metrics]
        table.add_row(*map(_name, names), *cells, end_section=changes[number])
    return table


def _cells(summary: pd.DataFrame, metric: str) -> list[Text]:
    """One column; an OOD metric has a best for each data set, a model's mIoU one for all."""
    if metric.startswith(MIOU_OF):
        shown = best_bold(summary[metric], True)
    else:
        reading = READINGS.get(metric)
        direction = reading.higher_is_better if reading else None
        blocks = [block[metric] for _, block in summary.groupby("dataset", sort=False, dropna=False)]
        shown = [cell for block in blocks for cell in best_bold(block, direction)]
    return [Text(cell.strip("*"), style="bold" if cell.startswith("*") else "") for cell in shown]


def _head(metric: str, closed_sets: int) -> str | Text:
    """A column's name with its arrow; mIoU names its data set only where there are several."""
    if metric.startswith(MIOU_OF):
        return Text(f"{shorten(one_line(metric), 40) if closed_sets > 1 else 'mIoU'} ↑")
    reading = READINGS.get(metric)
    arrow = "" if reading is None or reading.higher_is_better is None else " ↑" if reading.higher_is_better else " ↓"
    return Text(f"{one_line(metric)}{arrow}")


def _name(name: object) -> Text:
    """A name as it is: rich would read square brackets as markup."""
    return Text(MISSING if name is None or pd.isna(name) else shorten(one_line(name), 40))
