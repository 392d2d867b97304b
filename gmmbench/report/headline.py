"""The report's numbers in short, for the terminal: of each data set each model's density row and its best row."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.table import Table
from rich.text import Text

from gmmbench.report.blocks import Mark, Number
from gmmbench.report.material import Material, material_of
from gmmbench.report.models import Model
from gmmbench.report.numbers import Side, closed_side, marked
from gmmbench.report.pairs import best_side, density_side
from gmmbench.report.render.numbers import shown, spread
from gmmbench.report.runs import load_runs
from gmmbench.report.sections.ood import metric_column, ood_metrics
from gmmbench.report.text import one_line, shorten

_ARROWS = {"higher": " ↑", "lower": " ↓", None: ""}


def headline(runs: Sequence[Path]) -> Table:
    """In percent; the best of each data set bold, what is within noise of it underlined.

    Raises:
        InputError: as ``write_report`` does of the rows; counts are not read.
    """
    material = material_of(load_runs(runs), Path(), public=True)
    table = Table(
        title="in %; bold: best of its data set, underlined: within noise of it",
        title_justify="left", box=None, padding=(0, 1, 0, 0),
    )  # fmt: skip
    for name in ("set", "model", "score"):
        table.add_column(name, overflow="fold")
    metrics = _metrics(material)
    for metric in metrics:
        column = metric_column(metric)
        table.add_column(Text(f"{one_line(metric)}{_ARROWS[column.better]}"), justify="right", no_wrap=True)
    for dataset in material.ood_sets:
        sides = [side for model in material.models_on(dataset) for side in _shown(model, dataset)]
        _add(table, dataset, sides, metrics)
    for dataset in material.closed_sets:
        models = [model for model in material.models if model.closed(dataset, "mIoU")]
        values = marked([closed_side(model, dataset) for model in models], "mIoU", "higher")
        for model, value in zip(models, values, strict=True):
            table.add_row(_name(dataset), _name(model.label), Text("mIoU ↑"), _cell(value))
    return table


def _shown(model: Model, dataset: str) -> list[Side]:
    """The density that stands for it, and its best score."""
    found = [density_side(model, dataset), best_side(model, dataset)]
    return list({side.score: side for side in found if side is not None}.values())


def _add(table: Table, dataset: str, sides: Sequence[Side], metrics: Sequence[str]) -> None:
    columns = [marked(sides, metric, metric_column(metric).better) for metric in metrics]
    for place, side in enumerate(sides):
        names = (_name(dataset), _name(side.model.label), _name(side.score))
        table.add_row(*names, *(_cell(column[place]) for column in columns), end_section=place == len(sides) - 1)


def _metrics(material: Material) -> list[str]:
    found = [metric for dataset in material.ood_sets for metric in ood_metrics(material, dataset, headline=True)]
    return list(dict.fromkeys(found))


def _cell(number: Number) -> Text:
    deviation = spread(number)
    style = {Mark.BEST: "bold", Mark.NEAR: "underline", Mark.NONE: ""}[number.mark]
    return Text(f"{shown(number)}{f' ± {deviation}' if deviation else ''}", style=style)


def _name(name: str) -> Text:
    """A name as it is: rich would read square brackets as markup."""
    return Text(shorten(one_line(name), 40))
