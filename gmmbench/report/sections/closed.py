"""Section 2: segmentation of the known classes, and the twins' difference."""

from __future__ import annotations

from collections.abc import Sequence

from gmmbench.metrics import CLASS_READINGS, CONFUSION_READINGS
from gmmbench.report.blocks import Block, Cell, Column, Paragraph, Section, Table, Words
from gmmbench.report.material import Material
from gmmbench.report.models import Model
from gmmbench.report.numbers import closed_side, difference, has_closed, marked
from gmmbench.report.pairs import Pair, pairs_of
from gmmbench.report.runs import CLOSED
from gmmbench.report.seen import images_seen, of_models

CLASS_METRIC = next(iter(CLASS_READINGS))
"""The per-class reading that a report shows: IoU."""

_WORDS = {"mAcc": "mean accuracy (mAcc)", "aAcc": "pixel accuracy (aAcc)"}


def closed_section(material: Material) -> Section | None:
    """Each closed set: its metrics and the IoU of each class, of every model that was evaluated on it."""
    if not material.closed_sets:
        return None
    parts = tuple(_of_set(material, dataset) for dataset in material.closed_sets)
    return Section("closed-set", "Closed set", parts)


def _of_set(material: Material, dataset: str) -> Section:
    models = [model for model in material.models if has_closed(model, dataset)]
    pairs = [pair for pair in pairs_of(models) if pair.twin is not None]
    blocks: list[Block] = [_warning(note) for note in [material.facts(dataset).get("note")] if note]
    blocks.append(_metrics(material, dataset, models))
    if pairs:
        blocks.append(_differences(material, dataset, pairs))
    blocks.append(_classes(material, dataset, models, pairs))
    return Section(f"closed-{material.stem(dataset)}", material.title(dataset), tuple(blocks))


def _warning(note: str) -> Paragraph:
    return Paragraph(note, warning=True)


def _metrics(material: Material, dataset: str, models: Sequence[Model]) -> Table:
    metrics = [metric for metric in CONFUSION_READINGS if any(model.closed(dataset, metric) for model in models)]
    sides = [closed_side(model, dataset) for model in models]
    columns = [marked(sides, metric, _better(metric)) for metric in metrics]
    heads = [
        Column(metric, _WORDS.get(metric, metric), _better(metric), CONFUSION_READINGS[metric].definition, numeric=True)
        for metric in metrics
    ]
    rows: list[tuple[Cell, ...]] = [
        (model.label, *(column[place] for column in columns)) for place, model in enumerate(models)
    ]
    notes: list[Words] = []
    for model in models:
        row = model.first(CLOSED, dataset)
        assert row is not None
        counts = row.counts
        notes.append(images_seen(counts.get("images"), counts.get("images_total")))
    return Table(
        f"closed_{material.stem(dataset)}",
        f"Segmentation of {dataset}, %",
        (Column("model", "Model"), *heads),
        tuple(rows),
        tuple(of_models(notes, [model.label for model in models])),
    )


def _differences(material: Material, dataset: str, pairs: Sequence[Pair]) -> Table:
    """GMM model less its twin."""
    rows: list[tuple[Cell, ...]] = []
    for pair in pairs:
        mine, its = closed_side(pair.model, dataset), closed_side(_twin(pair), dataset)
        apart = [difference(mine, its, metric) for metric in CONFUSION_READINGS]
        rows.append((f"{pair.model.label} less {_label(pair)}", *apart))
    heads = [Column(metric, _WORDS.get(metric, metric), numeric=True) for metric in CONFUSION_READINGS]
    note = "Percentage points, the GMM model less its softmax twin; intervals are paired: the same images for both."
    return Table(
        f"closed_difference_{material.stem(dataset)}",
        f"Twins on {dataset}: difference in points",
        (Column("pair", "Pair"), *heads),
        tuple(rows),
        (note,),
    )


def _classes(material: Material, dataset: str, models: Sequence[Model], pairs: Sequence[Pair]) -> Table:
    """One row a class and one column a model, then one a pair of twins."""
    keys = [key for model in models for key in model.rows if key[0] == CLOSED and key[1] == dataset]
    classes = list(dict.fromkeys(str(name) for _, _, _, metric, name in keys if metric == CLASS_METRIC and name))
    sides = [closed_side(model, dataset) for model in models]
    heads = [
        Column(f"model_{place}", model.label, "higher", numeric=True) for place, model in enumerate(models, start=1)
    ] + [
        Column(f"difference_{place}", f"difference{f' {place}' * (len(pairs) > 1)}", numeric=True)
        for place, _ in enumerate(pairs, start=1)
    ]
    notes = tuple(
        f"{head.title.capitalize()}: {pair.model.label} less {_label(pair)}, in percentage points."
        for head, pair in zip(heads[len(models) :], pairs, strict=True)
    )
    rows: list[tuple[Cell, ...]] = []
    for name in classes:
        metric = f"{CLASS_METRIC}/{name}"
        both = [(closed_side(pair.model, dataset), closed_side(_twin(pair), dataset)) for pair in pairs]
        rows.append((name, *marked(sides, metric, "higher"), *(difference(*each, metric) for each in both)))
    return Table(
        f"classes_{material.stem(dataset)}",
        f"{CLASS_METRIC} of each class of {dataset}, %",
        (Column("class", "Class"), *heads),
        tuple(rows),
        notes,
    )


def _twin(pair: Pair) -> Model:
    assert pair.twin is not None
    return pair.twin


def _label(pair: Pair) -> str:
    return _twin(pair).label


def _better(metric: str) -> str | None:
    return {True: "higher", False: "lower", None: None}[CONFUSION_READINGS[metric].higher_is_better]
