"""One report put together: the sections in order. Renderers make text of it; see ``blocks``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gmmbench.report.blocks import Report, Section
from gmmbench.report.entries import entries_of, to_records
from gmmbench.report.figures import own_style
from gmmbench.report.material import Material
from gmmbench.report.sections.closed import closed_section
from gmmbench.report.sections.curves import curve_blocks
from gmmbench.report.sections.definitions import definitions_section
from gmmbench.report.sections.headline import headline_section, lead
from gmmbench.report.sections.images import image_blocks
from gmmbench.report.sections.mixture import mixture_section
from gmmbench.report.sections.ood import ood_section
from gmmbench.report.sections.provenance import provenance_section
from gmmbench.report.sections.published import published_section
from gmmbench.report.sections.twins import twins_section

Told = Callable[[int, int], None]

TITLE = "Anomaly segmentation report"


def build(material: Material, told: Told | None = None) -> Report:
    """All sections that the material has something for; figures are drawn into ``material.figures``.

    Args:
        told: of (data sets drawn, data sets in all).
    """
    with own_style():
        found = (
            headline_section(material),
            closed_section(material),
            ood_section(material),
            twins_section(material),
            published_section(material),
            _closer_section(material, told),
            mixture_section(material),
            definitions_section(material),
            provenance_section(material),
        )
    sections: tuple[Section, ...] = tuple(section for section in found if section is not None)
    return Report(TITLE, lead(material), sections, _facts(material))


def _closer_section(material: Material, told: Told | None) -> Section | None:
    """Section 6: curves, histograms and images of each OOD set."""
    parts = []
    for number, dataset in enumerate(material.ood_sets, start=1):
        blocks = (*curve_blocks(material, dataset), *image_blocks(material, dataset))
        parts.append(Section(f"closer-{material.stem(dataset)}", material.title(dataset), blocks))
        if told is not None:
            told(number, len(material.ood_sets))
    return Section("closer", "A closer look: curves, images, failures", tuple(parts)) if parts else None


def _facts(material: Material) -> dict[str, Any]:
    """What a leaderboard and other programs ask of a report."""
    return {
        "models": [{"label": model.label, "runs": len(model.runs)} for model in material.models],
        "ood_sets": list(material.ood_sets),
        "closed_sets": list(material.closed_sets),
        "public": material.public,
        "entries": to_records(entries_of(material)),
    }
