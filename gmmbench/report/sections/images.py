"""Section 6, images: a viewer of the stored ones, the worst and the best, and where scores failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gmmbench.metrics import READINGS
from gmmbench.report.blocks import (
    Block,
    Cell,
    Code,
    Column,
    Figure,
    Fold,
    Form,
    Number,
    Paragraph,
    Table,
    Viewer,
)
from gmmbench.report.choose import MOST_MAPS, Choice, for_heat_maps, rows_of
from gmmbench.report.failures import Wrong, failure_page, worst
from gmmbench.report.material import Material
from gmmbench.report.paint import PERCENTILES, Scale, scale_of
from gmmbench.report.per_image import METRICS, PerImage, per_image
from gmmbench.report.pictures import side_by_side
from gmmbench.report.runs import OOD_TASK
from gmmbench.report.saved import score_counts
from gmmbench.report.stored import stored
from gmmbench.report.text import one_line
from gmmbench.report.viewer import shots
from gmmbench.results.failures import KINDS

SIDE_BY_SIDE = 2
"""Rows with heat maps on the page of pictures and in the failure gallery; the viewer has up to ``MOST_MAPS``."""

EXTREMES = 3

_NAMES = (Column("model", "Model", choices=True), Column("score", "Score", choices=True))


def image_blocks(material: Material, dataset: str) -> list[Block]:
    """What one OOD set looks like to the models, drawn in ``figures.own_style``; empty where none was evaluated on it.

    Pictures are left out where the report is public and the data set's terms do not allow its frames to be shown; the
    tables of images and regions stay.

    Raises:
        InputError: saved counts, pictures or failures are missing or damaged.
    """
    rows = for_heat_maps(rows_of(material.models_on(dataset), dataset), MOST_MAPS)
    if not rows:
        return []
    counts = {row: score_counts(row.model.runs[0], dataset, row.score) for row in rows}
    scales = {row: scale_of(counted) for row, counted in counts.items()}
    values = {row: per_image(row) for row in rows}
    wrong = {row: worst(row, counted) for row, counted in counts.items()}
    blocks: list[Block] = []
    if material.may_show(dataset):
        blocks += _viewer(material, dataset, rows, scales, values)
        blocks += _gallery(material, dataset, wrong, scales)
    else:
        blocks.append(Paragraph(material.why_not(dataset)))
    blocks += _extremes(material, dataset, values)
    return [*blocks, *_failures(material, dataset, wrong)]


def _viewer(
    material: Material,
    dataset: str,
    rows: Sequence[Choice],
    scales: Mapping[Choice, Scale],
    values: Mapping[Choice, PerImage | None],
) -> list[Block]:
    """The stored images, or what keeps them from being shown."""
    images = stored(rows)
    notes: list[Block] = [Paragraph(note) for note in images.notes]
    if not images.names:
        return notes
    stem, few = material.stem(dataset), rows[:SIDE_BY_SIDE]
    name = f"pictures_{stem}"
    drawn = side_by_side(images, few, scales)
    alt = f"{len(images.names)} images of {dataset} with ground truth and heat maps"
    page = Figure(name, material.draw(name, drawn, vector=False), alt, _reading(few))
    seen = shots(images, rows, scales, values, stem, material.figures)
    return [Viewer(f"viewer_{stem}", f"Images of {dataset}", seen, _reading(rows), page), *notes]


def _reading(rows: Sequence[Choice]) -> str:
    """How to read maps and labels."""
    low, high = PERCENTILES
    meanings = "; ".join(f"{row.label}{_meaning(row)}" for row in rows)
    several = any(len(row.model.runs) > 1 for row in rows)
    return (
        "Ground truth: dark = IN, bright orange = OOD, grey = ignored. Predictions: one fixed colour a class number."
        f" Heat maps: {meanings}; bright = more anomalous, from the {low}st to the {high}th percentile of that score on"
        " all pixels of the data set, so brightness compares between images, not between scores."
        f"{' Of several seeds the first.' if several else ''}"
    )


def _meaning(row: Choice) -> str:
    """What a map shows, in brackets: the recorded formula, or what a density score is."""
    found = row.model.first(OOD_TASK, row.dataset, row.score)
    formula = None if found is None else (found.provenance.get("scores") or {}).get(row.score)
    if formula:
        return f" ({one_line(formula)})"
    return " (anomaly score = -log density)" if row.family == "density" else ""


def _gallery(
    material: Material, dataset: str, wrong: Mapping[Choice, Sequence[Wrong]], scales: Mapping[Choice, Scale]
) -> list[Block]:
    """Crops of failures, or how to get some."""
    shown = [(row, mine, scales[row]) for row, mine in list(wrong.items())[:SIDE_BY_SIDE] if mine]
    if not shown:
        again = "No failures were kept, or there were none: evaluate again with this gmmbench, "
        return [Paragraph((again, Code("gmmbench eval-ood"), " keeps them."))]
    name = f"failures_{material.stem(dataset)}"
    caption = (
        "Worst first; each crop, brightened where it is dark, beside its score map, scaled as in the heat maps."
        " Highest-scored IN regions: of each image the box of a twentieth of its shorter side with the highest mean"
        ' score, far from any OOD pixel; "above x % of OOD": so many of the data set\'s OOD pixels score lower. Missed'
        ' objects: connected OOD pixels, at least 100, by their median score, at most two an image; "below x % of IN":'
        " a threshold that catches half of the object flags so many of the data set's IN pixels. Blue: the outline of"
        " OOD in the ground truth; dotted: of what is ignored."
    )
    kinds, labels = " and ".join(f"{kind}s" for kind in KINDS), ", ".join(row.label for row, _, _ in shown)
    alt = f"Crops of {kinds} on {dataset}, of {labels}"
    return [Figure(name, material.draw(name, failure_page(shown), vector=False), alt, caption)]


def _extremes(material: Material, dataset: str, values: Mapping[Choice, PerImage | None]) -> list[Block]:
    """The images of the lowest and of the highest AP, as a table; nothing where images were not counted."""
    found: list[tuple[Cell, ...]] = []
    for row, images in values.items():
        if images is None:
            continue
        low, high = images.extremes("AP", EXTREMES)
        for end, places in (("lowest", low), ("highest", high)):
            for at in places:
                own = (Number(float(images.values[metric][at])) for metric in METRICS)
                prevalence = Number(float(images.prevalence[at]))
                found.append((row.model.label, Code(row.score), end, images.names[at], *own, prevalence))
    if not found:
        return []
    heads = (
        *_NAMES,
        Column("end", "AP among the", choices=True),
        Column("image", "Image"),
        *(Column(metric, metric, _better(metric), READINGS[metric].definition, numeric=True) for metric in METRICS),
        Column("prevalence", "OOD share", help="of the pixels that count: the AP of a chance score", numeric=True),
    )
    note = (
        "Of each image alone, in %, of those with both IN and OOD pixels. AP rises with an image's OOD share: compare"
        " the two columns."
    )
    key, title = f"extremes_{material.stem(dataset)}", f"Worst and best images of {dataset}, %"
    return [Fold("Worst and best images", (Table(key, title, heads, tuple(found), (note,)),))]


def _failures(material: Material, dataset: str, wrong: Mapping[Choice, Sequence[Wrong]]) -> list[Block]:
    """All failures in words and numbers."""
    found: list[tuple[Cell, ...]] = []
    for row, mine in wrong.items():
        for one in mine:
            left, top, width, height = one.failure.box
            place = f"{left}, {top}, {width} x {height}"
            value, share = Number(one.failure.value, Form.PLAIN), Number(one.share)
            pixels = Number(one.failure.pixels, Form.COUNT)
            names = row.model.label, Code(row.score), one.failure.kind, one.failure.image
            found.append((*names, place, pixels, value, share))
    if not found:
        return []
    heads = (
        *_NAMES,
        Column("kind", "Failure", choices=True),
        Column("image", "Image"),
        Column("box", "Left, top, size", help="of the region's box, in pixels of the labels"),
        Column("pixels", "Pixels", help="of the object, or IN pixels of the box", numeric=True),
        Column("value", "Score", help="mean of the region, median of the object", numeric=True),
        Column(
            "share",
            "Beyond, %",
            help="of an IN region: OOD pixels that score lower; of an object: IN pixels that score at least as high",
            numeric=True,
        ),
    )
    key, title = f"failures_{material.stem(dataset)}", f"Failures on {dataset}"
    return [Fold("Failures in numbers", (Table(key, title, heads, tuple(found)),))]


def _better(metric: str) -> str | None:
    better = READINGS[metric].higher_is_better
    return None if better is None else "higher" if better else "lower"
