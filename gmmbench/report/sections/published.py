"""Section 5: what others published on the same data sets, beside ours, and why the two are no contest."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from gmmbench.metrics import CONFUSION_READINGS, READINGS, Reading
from gmmbench.metrics.components import COMPONENT_READINGS
from gmmbench.published import MARK, Published, published
from gmmbench.report.blocks import Block, Cell, Code, Column, Fold, Inline, Link, Number, Paragraph, Section, Table
from gmmbench.report.material import Material
from gmmbench.report.models import Model
from gmmbench.report.numbers import Side, closed_side, has_closed, number
from gmmbench.report.runs import CLOSED
from gmmbench.report.text import slug

OURS = "ours, measured here"
SHOWN = 10
"""Published rows of a long table that stand in the open; the fold below has all."""
LONG = 15
ALWAYS = "GMMSeg"
"""Rows of this method stand in the open, wherever they rank: it is what this toolkit builds."""

WHY_NOT = (
    "These rows are not directly comparable with ours, and a difference between them is no finding. Others trained on"
    " other data, mostly Cityscapes, some with OOD data, with other backbones and schedules; they fed images of other"
    " sizes and often counted by other rules. Nothing here was run again: each row of others is marked"
    f' "{MARK}" and has its source, and its protocol as far as it is known.'
)
ROUNDED = "Numbers that were printed with more than two decimals are rounded to two; what is not known is left empty."

_SAME_IMAGES = "a copy of these images in Validation_Dataset.zip, which course projects use"
_HIDDEN = "the benchmark's hidden test images, so not those that ours were measured on"
RELATED: Mapping[str, Mapping[str, str]] = {
    "road_anomaly": {"polito_road_anomaly": _SAME_IMAGES},
    "road_anomaly21": {"polito_road_anomaly21": _SAME_IMAGES, "road_anomaly21_test": _HIDDEN},
    "road_obstacle21": {"polito_road_obstacle21": _SAME_IMAGES, "road_obstacle21_test": _HIDDEN},
    "fishyscapes_lost_and_found": {
        "polito_fs_lost_and_found": _SAME_IMAGES,
        "fishyscapes_lost_and_found_test": _HIDDEN,
    },
    **{
        f"fishyscapes_static_v{version}": {
            "polito_fs_static": "a copy of Fishyscapes Static whose version is not known",
            "fishyscapes_static_test": _HIDDEN,
        }
        for version in (1, 2, 3)
    },
    "cityscapes": {"cityscapes_test": _HIDDEN},
}
"""Of our data sets the names under which others' numbers on them, or on their hidden part, stand."""

_ALL: dict[str, Reading[Any, Any]] = {**READINGS, **COMPONENT_READINGS, **CONFUSION_READINGS}


def published_section(material: Material) -> Section | None:
    """A table for each data set of the report that others published on; ``None`` where there is none.

    Our rows come first: of an OOD set each model's best score by AP and its best density, of a closed set each
    model. The published ones follow from the best AP (mIoU) down, those without one last.
    """
    found: list[Block] = []
    for dataset in material.ood_sets:
        found += _of_dataset(material, dataset, "AP", _ours_ood(material, dataset))
    for dataset in material.closed_sets:
        found += _of_dataset(material, dataset, "mIoU", _ours_closed(material, dataset))
    if not found:
        return None
    return Section("published", "Published numbers beside ours", (Paragraph(WHY_NOT, warning=True), *found))


_Ours = tuple[Cell, str, Side]
"""Of one row of ours the method, the note, and where its numbers are."""


def _of_dataset(material: Material, dataset: str, ranking: str, ours: Sequence[_Ours]) -> list[Block]:
    """The section of a data set, in a list; empty where nobody published on it."""
    key = f"published-{material.stem(dataset)}"
    blocks: list[Block] = []
    own = published(dataset)
    if own:
        blocks += _tables(key, f"On {dataset}", own, ranking, ours)
    for name, what in RELATED.get(dataset, {}).items():
        rows = published(name)
        if rows:
            blocks.append(Paragraph(f"The rows of others in the next table are on {name}: {what}."))
            blocks += _tables(f"{key}-{slug(name)}", f"On {name}; ours on {dataset}", rows, ranking, ours)
    return [Section(key, material.title(dataset), tuple(blocks))] if blocks else []


def _tables(key: str, title: str, others: Sequence[Published], ranking: str, ours: Sequence[_Ours]) -> list[Block]:
    ranked = sorted(others, key=lambda row: _falling(row.values.get(ranking, math.nan)))
    protocols = dict.fromkeys(row.protocol for row in ranked)
    tags = {protocol: f"P{number}" for number, protocol in enumerate(protocols, start=1)}
    whole = _table(f"{key}-rows", title, ranked, ours, tags)
    if len(ranked) <= LONG:
        return [whole]
    below = [row for row in ranked[SHOWN:] if ALWAYS in row.method]
    best = f"{title}: the {SHOWN} best {ranking} of {len(ranked)} published{f', and {ALWAYS}' * bool(below)}"
    top = _table(f"{key}-best", best, [*ranked[:SHOWN], *below], ours, tags)
    return [top, Fold(f"All {len(ranked)} published rows", (whole,))]


def _table(key: str, title: str, others: Sequence[Published], ours: Sequence[_Ours], tags: Mapping[str, str]) -> Table:
    metrics = [name for name, reading in _ALL.items() if reading.headline and any(name in row.values for row in others)]
    columns = (
        Column("method", "method"),
        Column("whose", "whose", choices=True),
        *(Column(name, name, _better(name), _ALL[name].definition, numeric=True) for name in metrics),
        Column("note", "trained on, OOD data"),
        Column("source", "source, protocol", help="who says so; P1, P2, ... are explained below the table"),
    )
    mine = [
        (method, OURS, *(_measured(side, name) for name in metrics), note, "this report") for method, note, side in ours
    ]
    theirs = [
        (
            row.method,
            MARK,
            *(_printed(row, name) for name in metrics),
            row.note,
            (_source(row), f", {tags[row.protocol]}"),
        )
        for row in others
    ]
    used = {row.protocol for row in others}
    notes = tuple(f"{tag}: {protocol}" for protocol, tag in tags.items() if protocol in used)
    return Table(key, title, columns, (*mine, *theirs), (*notes, ROUNDED))


def _ours_ood(material: Material, dataset: str) -> list[_Ours]:
    """Of each model its best score by AP, and its best density where that is another."""
    found: list[_Ours] = []
    for model in material.models_on(dataset):
        sides = [Side(model, dataset, score) for score in model.scores[dataset]]
        ranked = sorted(sides, key=lambda side: _falling(number(side, "AP").value))
        best = ranked[0]
        density = next((side for side in ranked if model.scores[dataset][side.score] == "density"), None)
        chosen = [(best, "its best AP and its best density" if density is best else "its best AP")]
        if density is not None and density is not best:
            chosen.append((density, "its best density"))
        for side, what in chosen:
            found.append(((f"{model.label}, ", Code(side.score)), f"{what}; {_training(model)}", side))
    return found


def _ours_closed(material: Material, dataset: str) -> list[_Ours]:
    models = [model for model in material.models if has_closed(model, dataset)]
    return [(model.label, _training(model), closed_side(model, dataset)) for model in models]


def _training(model: Model) -> str:
    """What a model of ours was trained by and on, as far as its rows say."""
    config, record = model.recorded("config"), model.recorded("training")
    closed = dict.fromkeys(row.dataset for run in model.runs for row in run.of(CLOSED))
    parts = []
    if config:
        parts.append(str(config) if str(config).startswith("--") else f"trained by {config}")
    if closed:
        parts.append(f"closed set {' and '.join(closed)}")
    if isinstance(record, dict) and record.get("iterations") is not None:
        parts.append(f"{record['iterations']} iterations")
    return ", ".join(parts) or "what it was trained on is not recorded"


def _falling(value: float) -> float:
    """A key that sorts the highest first and what is undefined last."""
    return math.inf if math.isnan(value) else -value


def _measured(side: Side, metric: str) -> Number:
    """Without its interval, which stands in the tables of our own numbers: here nothing is to be compared closely."""
    return replace(number(side, metric), low=None, high=None)


def _printed(row: Published, metric: str) -> Cell:
    """As it was printed where that is short; ``None`` where the source has no such number."""
    if metric not in row.values:
        return None
    text = row.printed[metric]
    _, _, decimals = text.partition(".")
    return Number(row.values[metric], printed=text if len(decimals) <= 2 else None)


def _source(row: Published) -> Inline:
    return Link(row.source, row.url) if row.url else row.source


def _better(metric: str) -> str | None:
    higher = _ALL[metric].higher_is_better
    return None if higher is None else "higher" if higher else "lower"
