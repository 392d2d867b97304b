"""Section 3: data set x model x score, with intervals, the best and what is within noise of it marked."""

from __future__ import annotations

from collections.abc import Sequence

from gmmbench.metrics import READINGS
from gmmbench.metrics.components import COMPONENT_READINGS
from gmmbench.report.blocks import Block, Cell, Code, Column, Fold, Form, Paragraph, Section, Table, Words
from gmmbench.report.families import FAMILIES
from gmmbench.report.material import Material
from gmmbench.report.models import Model
from gmmbench.report.numbers import Side, marked, number
from gmmbench.report.pairs import RANKING
from gmmbench.report.runs import OOD_TASK
from gmmbench.report.seen import images_seen, of_models, pixels_counted
from gmmbench.results import IMAGE_MEAN, Row

_READS = "; ".join(dict.fromkeys(FAMILIES.values()))

MOST_COLUMNS = 10
"""Data sets that an overview shows side by side; with more it is folded away."""


def ood_section(material: Material) -> Section | None:
    """Each OOD set with its table; before them an overview where there are several."""
    if not material.ood_sets:
        return None
    parts: list[Block] = []
    if len(material.ood_sets) > 1:
        table = overview(material)
        fold = len(material.ood_sets) > MOST_COLUMNS
        parts.append(Fold(table.title, (table,)) if fold else table)
    parts += [_of_set(material, dataset) for dataset in material.ood_sets]
    return Section("ood", "Out-of-distribution segmentation", tuple(parts))


def ranked_sides(material: Material, dataset: str) -> list[Side]:
    """Every score of every model on a data set, from the best AP down; undefined last, ties as the runs are named."""
    sides = [Side(model, dataset, score) for model in material.models_on(dataset) for score in model.scores[dataset]]
    values = {id(side): number(side, RANKING).value for side in sides}
    return sorted(sides, key=lambda side: -values[id(side)] if values[id(side)] == values[id(side)] else float("inf"))


def ood_metrics(material: Material, dataset: str, *, headline: bool) -> list[str]:
    """The metrics that rows of a data set hold, in the registries' order, then any these do not know.

    Args:
        headline: those of the main table; or else the rest: AUPR-in, best F1, means over images.
    """
    found = {
        metric
        for model in material.models_on(dataset)
        for task, name, _, metric, _ in model.rows
        if task == OOD_TASK and name == dataset
    }
    kept = {metric for metric in found if _is_headline(metric) is headline}
    known = [metric for metric in (*READINGS, *COMPONENT_READINGS) if metric in kept]
    return [*known, *sorted(kept - set(known))]


def metric_column(metric: str) -> Column:
    """The heading of a metric's column."""
    name = metric.removesuffix(IMAGE_MEAN)
    reading = READINGS.get(name) or COMPONENT_READINGS.get(name)
    better = None if reading is None else {True: "higher", False: "lower", None: None}[reading.higher_is_better]
    return Column(metric, metric, better, reading.definition if reading else "", numeric=True)


def form_of(metric: str) -> Form:
    """Thresholds are in units of the score, all else are fractions."""
    reading = READINGS.get(metric.removesuffix(IMAGE_MEAN))
    return Form.PLAIN if reading is not None and getattr(reading, "unit", "") == "score" else Form.PERCENT


def overview(material: Material) -> Table:
    """AP of every model and score on each data set."""
    keys: dict[tuple[str, str], Model] = {}
    for dataset in material.ood_sets:
        for side in ranked_sides(material, dataset):
            keys.setdefault((side.model.label, side.score), side.model)
    columns = []
    for dataset in material.ood_sets:
        sides = [Side(model, dataset, score) for (_, score), model in keys.items()]
        columns.append(marked(sides, RANKING, "higher"))
    heads = [Column(dataset, dataset, "higher", numeric=True) for dataset in material.ood_sets]
    rows: list[tuple[Cell, ...]] = [
        (label, Code(score), *(column[place] for column in columns)) for place, (label, score) in enumerate(keys)
    ]
    return Table("overview_AP", "AP on all data sets, %", (*_names(), *heads), tuple(rows))


def _of_set(material: Material, dataset: str) -> Section:
    models = material.models_on(dataset)
    note = material.facts(dataset).get("note")
    blocks: list[Block] = [Paragraph(note, warning=True)] if note else []
    sides = ranked_sides(material, dataset)
    main, rest = (ood_metrics(material, dataset, headline=which) for which in (True, False))
    rows = [row for model in models if (row := model.first(OOD_TASK, dataset)) is not None]
    notes = of_models(list(map(_counted, rows)), [model.label for model in models])
    blocks.append(_table(material, dataset, sides, main, notes))
    if len(notes) > 1:
        words = "The rows of this table were not all counted on the same images and pixels: compare with care."
        blocks.append(Paragraph(words, warning=True))
    if rest:
        table = _table(material, dataset, sides, rest, [], more=True)
        blocks.append(Fold("More metrics: means over images, AUPR-in, best F1", (table,)))
    return Section(f"ood-{material.stem(dataset)}", material.title(dataset), tuple(blocks))


def _counted(row: Row) -> Words:
    seen = images_seen(row.counts.get("images"), row.counts.get("images_total"))
    return (*(seen if isinstance(seen, tuple) else (seen,)), f" {pixels_counted(row)}")


def _table(
    material: Material, dataset: str, sides: Sequence[Side], metrics: Sequence[str], notes: Sequence[Words],
    *, more: bool = False,
) -> Table:  # fmt: skip
    heads = [metric_column(metric) for metric in metrics]
    columns = [marked(sides, head.key, head.better, form_of(head.key)) for head in heads]
    rows: list[tuple[Cell, ...]] = []
    for place, side in enumerate(sides):
        family = side.model.scores[dataset][side.score]
        rows.append((side.model.label, Code(side.score), *(column[place] for column in columns), family))
    stem = material.stem(dataset)
    reads = Column("reads", "Reads", choices=True, help=f"What the score is made of: {_READS}.")
    return Table(
        f"ood_{stem}_more" if more else f"ood_{stem}",
        f"{'More metrics of' if more else 'Anomaly segmentation on'} {dataset}, %",
        (*_names(), *heads, reads),  # numbers first: a phone has no room for both
        tuple(rows),
        tuple(notes),
    )


def _names() -> tuple[Column, Column]:
    return Column("model", "Model", choices=True), Column("score", "Score")


def _is_headline(metric: str) -> bool:
    if metric.endswith(IMAGE_MEAN):
        return False
    reading = READINGS.get(metric)
    return reading is None or reading.headline
