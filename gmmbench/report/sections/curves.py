"""Section 6, curves: ROC, precision-recall, histograms, each image's own numbers, calibration of the density."""

from __future__ import annotations

from collections.abc import Sequence

from gmmbench.report.blocks import Block, Code, Figure, Paragraph, Words
from gmmbench.report.calibration import DENSITY, Calibration, calibration_figure, calibration_of
from gmmbench.report.choose import MOST_LINES, Choice, for_curves, rows_of
from gmmbench.report.curves import Line, curves, histograms, line_of
from gmmbench.report.material import Material
from gmmbench.report.per_image import PerImage, per_image
from gmmbench.report.strips import Strip, strips
from gmmbench.report.text import percent


def curve_blocks(material: Material, dataset: str) -> list[Block]:
    """All drawn of the scores of one OOD set, in ``figures.own_style``; empty where no model was evaluated on it.

    Raises:
        InputError: saved counts are missing or damaged.
    """
    rows = rows_of(material.models_on(dataset), dataset)
    drawn = for_curves(rows)
    if not drawn:
        return []
    lines = [line_of(row) for row in drawn]
    return [
        Paragraph(_which(drawn, rows)),
        _curves(material, dataset, lines),
        _histograms(material, dataset, lines),
        *_strips(material, dataset, drawn),
        *_calibration(material, dataset),
    ]


def _which(drawn: Sequence[Choice], rows: Sequence[Choice]) -> Words:
    """Which rows of the table are drawn."""
    if len(drawn) == len(rows):
        return "All rows of the table are drawn."
    rule = f"of each model the density rows and its best other row by AP first, at most {MOST_LINES}."
    return f"{len(drawn)} of {len(rows)} rows are drawn: {rule}"


def _seeds(lines: Sequence[Line]) -> str:
    """What is said where a line is of several seeds."""
    if all(len(line.counts) == 1 for line in lines):
        return ""
    return " Of a model of several seeds each seed is a thin line of the same colour; the legend has the means."


def _curves(material: Material, dataset: str, lines: Sequence[Line]) -> Figure:
    name = f"curves_{material.stem(dataset)}"
    caption = (
        "Left: ROC; right: precision-recall, in the steps that AP sums. Marks: the highest threshold that flags at"
        f" least 95 % of the OOD pixels.{_seeds(lines)}"
    )
    return Figure(
        name,
        material.draw(name, curves(lines)),
        f"ROC and precision-recall curves on {dataset}: {_told(lines)}",
        caption,
    )


def _told(lines: Sequence[Line]) -> str:
    """The curves in numbers, for those who do not see them."""
    said = [f"{line.score} of {line.model} AP {line.value('AP')}, FPR95 {line.value('FPR95')}" for line in lines]
    return "; ".join(said)


def _histograms(material: Material, dataset: str, lines: Sequence[Line]) -> Figure:
    name = f"histograms_{material.stem(dataset)}"
    first = " Of several seeds the first one's." if _seeds(lines) else ""
    caption = (
        "Scores of IN and of OOD pixels, each side normalised to 100 %, on a square-root axis; the range leaves out at"
        " most 0.1 % of a side at each end. Dashed: the threshold at 95 % TPR, right of it a pixel is flagged."
        f"{first}"
    )
    return Figure(name, material.draw(name, histograms(lines)), f"Score histograms on {dataset}", caption)


def _strips(material: Material, dataset: str, drawn: Sequence[Choice]) -> list[Block]:
    """Each image's own AP and FPR95."""
    read: list[tuple[Choice, PerImage]] = [(row, images) for row in drawn if (images := per_image(row)) is not None]
    if not read:
        return [Paragraph(f"The run folders keep no counts of single images of {dataset}: evaluate again to see them.")]
    name = f"strips_{material.stem(dataset)}"
    page = strips([Strip(row.model.label, row.score, images) for row, images in read])
    first = " Of several seeds the first one's." if any(len(row.model.runs) > 1 for row, _ in read) else ""
    caption = (
        "One mark an image that has both IN and OOD pixels; black bar and number: the median over images. An image's AP"
        " depends on how much of it is OOD, its FPR95 does not. The tables' numbers are of all pixels pooled, not"
        f" means of these.{first}"
    )
    return [Figure(name, material.draw(name, page), f"AP and FPR95 of each image of {dataset}", caption)]


def _calibration(material: Material, dataset: str) -> list[Block]:
    """The figure, and a sentence on each model of the figure or without one; empty without a density."""
    models = [model for model in material.models_on(dataset) if DENSITY in model.scores[dataset]]
    read = {model.label: calibration_of(model, dataset) for model in models}
    known = [one for one in read.values() if one is not None]
    blocks: list[Block] = []
    if known:
        name = f"calibration_{material.stem(dataset)}"
        caption = (
            "Share of the test pixels whose log p(x) lies at or below a quantile of the training pixels. On the"
            " diagonal the density is calibrated; IN pixels above it are less likely than training pixels were, and a"
            f" threshold set on training data flags more of them. {' '.join(map(_summary, known))}"
        )
        alt = f"Calibration of the density on {dataset}"
        blocks.append(Figure(name, material.draw(name, calibration_figure(known[:MOST_LINES])), alt, caption))
    missing = [label for label, one in read.items() if one is None]
    if missing:
        where = f"Calibration of the density is not drawn of {', '.join(missing)}: run "
        blocks.append(
            Paragraph((where, Code("gmmbench inspect"), " with --out of its run folder, and write the report again."))
        )
    return blocks


def _summary(one: Calibration) -> str:
    at = one.flagged
    closed = "" if one.closed is None else f" (of the closed test set's {percent(float(one.closed[at]), 1)} %)"
    return (
        f"At the {100 * one.levels[at]:g} % quantile of its training pixels {one.model} flags"
        f" {percent(float(one.normal[at]), 1)} % of the IN pixels{closed} and {percent(float(one.odd[at]), 1)} % of the"
        " OOD pixels."
    )
