"""Section 8, first half: what every word of the tables means, and by which protocol it was measured."""

from __future__ import annotations

from collections.abc import Iterator

from gmmbench.metrics import CLASS_READINGS, CONFUSION_READINGS, READINGS
from gmmbench.metrics.components import COMPONENT_READINGS
from gmmbench.report.blocks import Block, Cell, Code, Column, Section, Table
from gmmbench.report.families import FAMILIES
from gmmbench.report.material import Material
from gmmbench.report.runs import CLOSED, NETWORK_INPUT, OOD_TASK, definitions
from gmmbench.report.sections.closed import CLASS_METRIC
from gmmbench.report.sections.ood import ood_metrics
from gmmbench.report.text import NOT_RECORDED

_KINDS = {OOD_TASK: "OOD", CLOSED: "closed set"}


def definitions_section(material: Material) -> Section:
    """Metrics, protocol, scores and data sets."""
    tables: list[Block] = [_metrics(material)]
    for table in (_protocol(material), _scores(material), _datasets(material)):
        if table.rows:
            tables.append(table)
    return Section("definitions", "Definitions", tuple(tables))


def _metrics(material: Material) -> Table:
    shown = {
        metric
        for dataset in material.ood_sets
        for which in (True, False)
        for metric in ood_metrics(material, dataset, headline=which)
    }
    known = {name: _said(material, name) or reading.definition for name, reading in READINGS.items()}
    known |= {name: reading.definition for name, reading in COMPONENT_READINGS.items()}
    known = {name: words for name, words in known.items() if name in shown}
    if material.closed_sets:
        known |= {name: reading.definition for name, reading in CONFUSION_READINGS.items()}
        known[CLASS_METRIC] = CLASS_READINGS[CLASS_METRIC].definition
    rows = tuple((name, words) for name, words in known.items())
    return Table(
        "definitions_metrics", "Metrics", (Column("metric", "Metric"), Column("definition", "Definition")), rows
    )


def _said(material: Material, metric: str) -> str:
    """What the rows' protocols say of a metric, each wording once."""
    words = [
        str((row.provenance.get("protocol") or {}).get(metric, ""))
        for model in material.models
        for dataset in model.scores
        if (row := model.first(OOD_TASK, dataset)) is not None
    ]
    return "; or: ".join(dict.fromkeys(each for each in words if each))


def _protocol(material: Material) -> Table:
    """Label, sentence, where it holds: one row for all data sets that share a sentence."""
    sentences: dict[tuple[str, str], list[str]] = {}
    every = []
    for task, sets in ((OOD_TASK, material.ood_sets), (CLOSED, material.closed_sets)):
        for dataset in sets:
            place = f"{dataset} ({_KINDS[task]})"
            every.append(place)
            for label, sentence in _sentences(material, task, dataset):
                sentences.setdefault((label, sentence), []).append(place)
    rows = tuple(
        (label, sentence, "all" if where == every else ", ".join(where))
        for (label, sentence), where in sentences.items()
    )
    columns = Column("what", "What"), Column("how", "How"), Column("where", "Where")
    return Table("definitions_protocol", "Protocol", columns, rows)


def _sentences(material: Material, task: str, dataset: str) -> Iterator[tuple[str, str]]:
    """Label and sentence; how the networks see an image once for all, or of each model."""
    rows = {model.label: row for model in material.models if (row := model.first(task, dataset)) is not None}
    # Runs whose definitions differ were refused: any row speaks for all.
    for label, sentence in definitions(next(iter(rows.values()))).items():
        if label not in READINGS:  # those are said where the metrics are defined
            yield str(label), str(sentence)
    inputs: dict[str, list[str]] = {}
    for name, row in rows.items():
        words = (row.provenance.get("protocol") or {}).get(NETWORK_INPUT)
        if words is not None:
            inputs.setdefault(str(words), []).append(name)
    for words, names in inputs.items():
        yield NETWORK_INPUT if len(inputs) == 1 else f"{NETWORK_INPUT} of {', '.join(names)}", words


def _scores(material: Material) -> Table:
    """Score, what it reads, formula, models."""
    formulas: dict[tuple[str, str, str], list[str]] = {}
    for model in material.models:
        for dataset, scores in model.scores.items():
            for score, family in scores.items():
                row = model.first(OOD_TASK, dataset, score)
                assert row is not None
                formula = (row.provenance.get("scores") or {}).get(score, NOT_RECORDED)
                labels = formulas.setdefault((score, family, str(formula)), [])
                if model.label not in labels:
                    labels.append(model.label)
    order = [*FAMILIES, *sorted({family for _, family, _ in formulas} - set(FAMILIES))]
    ranked = sorted(formulas.items(), key=lambda item: order.index(item[0][1]))
    rows: list[tuple[Cell, ...]] = [
        (Code(score), FAMILIES.get(family, family), formula, ", ".join(labels))
        for (score, family, formula), labels in ranked
    ]
    return Table(
        "definitions_scores",
        "Scores: higher where a pixel is more anomalous",
        (
            Column("score", "Score"),
            Column("reads", "Reads", choices=True),
            Column("formula", "Formula"),
            Column("models", "Models"),
        ),
        tuple(rows),
    )


def _datasets(material: Material) -> Table:
    rows = tuple(
        (dataset, *(str(material.facts(dataset).get(key) or NOT_RECORDED) for key in ("title", "citation", "licence")))
        for dataset in dict.fromkeys((*material.ood_sets, *material.closed_sets))
    )
    heads = ("Data set", "Title", "Citation", "Licence")
    columns = tuple(Column(head.lower().replace(" ", "_"), head) for head in heads)
    return Table("definitions_datasets", "Data sets", columns, rows)
