"""Section 1: what was compared on what, and the verdict."""

from __future__ import annotations

from gmmbench.report.blocks import Bullets, Link, Paragraph, Section, Words
from gmmbench.report.material import Material
from gmmbench.report.sections.ood import ranked_sides
from gmmbench.report.verdict import closed_verdicts, ood_verdicts


def lead(material: Material) -> str:
    """Models, data sets."""
    models = ", ".join(_named(model.label, len(model.runs)) for model in material.models)
    places = []
    if material.closed_sets:
        places.append(f"closed set {', '.join(material.closed_sets)}")
    if material.ood_sets:
        places.append(f"anomaly segmentation on {', '.join(material.ood_sets)}")
    number = len(material.models)
    return f"{number} model{'s' if number > 1 else ''} ({models}): {'; '.join(places)}."


def headline_section(material: Material) -> Section:
    """The verdict on each data set, in words that follow from the intervals."""
    where: Words = (
        "Brackets hold 95 % intervals over images, paired where two scores are compared; a difference whose interval"
        " holds 0 is called none. ",
        Link("Definitions", "#definitions"),
        " and ",
        Link("commands", "#provenance"),
        " are at the end.",
    )
    return Section("verdict", "Verdict", (Bullets(tuple(verdict_lines(material))), Paragraph(where)))


def verdict_lines(material: Material) -> list[Words]:
    """One or more lines a data set."""
    lines: list[Words] = []
    for dataset in material.ood_sets:
        lines += ood_verdicts(material, dataset, ranked_sides(material, dataset))
    for dataset in material.closed_sets:
        lines += closed_verdicts(material, dataset)
    return lines


def _named(label: str, seeds: int) -> str:
    return label if seeds == 1 else f"{label}, {seeds} seeds"
