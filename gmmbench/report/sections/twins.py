"""Section 4: generative against discriminative: the GMM's row, its twin's best row, the paired difference."""

from __future__ import annotations

from gmmbench.report.blocks import Block, Cell, Column, Paragraph, Section, Table
from gmmbench.report.material import Material
from gmmbench.report.numbers import Side, difference, number
from gmmbench.report.pairs import Pair, best_side, density_side, pairs_of
from gmmbench.report.render.numbers import interval
from gmmbench.report.sections.ood import metric_column, ood_metrics
from gmmbench.report.verdict import standing


def twins_section(material: Material) -> Section | None:
    """A table for each data set, one row a metric; nothing where the report has no generative model with a rival."""
    pairs = [pair for pair in pairs_of(material.models) if pair.twin is not None]
    tables = [
        table
        for dataset in material.ood_sets
        for place, pair in enumerate(pairs, start=1)
        if (table := _table(material, pair, dataset, place)) is not None
    ]
    if not tables:
        return None
    blocks: list[Block] = [Paragraph(_rule())]
    for pair in pairs:
        assert pair.twin is not None
        if not pair.same_recipe:
            words = f"{pair.model.label} and {pair.twin.label} are compared although {pair.why}: part of the difference"
            blocks.append(Paragraph(f"{words} may be the recipe's and not the classifier's.", warning=True))
    return Section("twins", "Generative against discriminative", (*blocks, *tables))


def _rule() -> str:
    return (
        "The GMM stands here with its density (gmm_lse where it was measured, whatever its numbers), the discriminative"
        " model with the score of the best AP on that very data set, which favours it; scores of several trainings"
        " (ensembles) are left out. Differences are GMM less rival, in percentage points, with 95 % intervals over"
        " images, the same images for both. With one seed a model, an interval says nothing of other seeds."
    )


def _table(material: Material, pair: Pair, dataset: str, place: int) -> Table | None:
    assert pair.twin is not None
    mine, best = density_side(pair.model, dataset), best_side(pair.twin, dataset)
    if mine is None or best is None:
        return None
    rows: list[tuple[Cell, ...]] = []
    for metric in ood_metrics(material, dataset, headline=True):
        rows.append(_row(mine, best, metric))
    return Table(
        f"twins_{material.stem(dataset)}_{place}",
        f"{dataset}: {mine.score} of {pair.model.label} against {best.score} of {pair.twin.label}",
        (
            Column("metric", "Metric"),
            Column("gmm", "GMM", numeric=True),
            Column("rival", "Rival", numeric=True),
            Column("difference", "Difference", numeric=True),
            Column("interval", "95 % interval"),
            Column("standing", "The GMM is", choices=True),
        ),
        tuple(rows),
    )


def _row(mine: Side, best: Side, metric: str) -> tuple[Cell, ...]:
    column = metric_column(metric)
    apart = difference(mine, best, metric)
    arrow = {"higher": " ↑", "lower": " ↓", None: ""}[column.better]
    return (
        f"{metric}{arrow}",
        number(mine, metric),
        number(best, metric),
        apart,
        interval(apart),
        standing(apart, column.better).value,
    )
