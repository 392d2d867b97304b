"""How much of a data set was seen, in words: a partial evaluation is said plainly."""

from __future__ import annotations

import math
from collections.abc import Sequence

from gmmbench.report.blocks import Strong, Words, plain
from gmmbench.report.text import count, percent
from gmmbench.results import Row


def images_seen(images: float | None, total: float | None) -> Words:
    """The images behind a table's rows, and plainly so where they were not all."""
    seen, of = (math.nan if number is None else float(number) for number in (images, total))
    if seen < of:
        partial = Strong(f"Partial evaluation: {count(seen)} of {count(of)} images.")
        return (partial, " The numbers speak of these images only.")
    if math.isnan(of) or math.isnan(seen):
        return f"Images: {count(seen)} seen, of {count(of)} in total."
    return f"Images: {count(seen)} of {count(of)}, all of them."


def pixels_counted(row: Row) -> str:
    """The pixels behind an OOD table, and what a chance score would get."""
    normal, anomalous, ignored = (
        float(row.counts.get(name, math.nan)) for name in ("pixels_in", "pixels_ood", "pixels_ignored")
    )
    return (
        f"Pixels: {count(normal)} IN, {count(anomalous)} OOD, {count(ignored)} ignored. "
        f"OOD prevalence {percent(prevalence(row))} %, which is the AP of a chance score."
    )


def prevalence(row: Row) -> float:
    """The share of OOD pixels among those that count; NaN where none does or it was not recorded."""
    normal, anomalous = (float(row.counts.get(name, math.nan)) for name in ("pixels_in", "pixels_ood"))
    pixels = normal + anomalous
    return anomalous / pixels if pixels > 0 else math.nan


def partial(row: Row) -> bool:
    """Whether not every image was seen."""
    return row.counts.get("images", math.nan) < row.counts.get("images_total", math.nan)


def of_models(notes: Sequence[Words], labels: Sequence[str]) -> list[Words]:
    """Each note once, with the models it speaks of where these are not all."""
    speakers: dict[str, tuple[Words, list[str]]] = {}
    for note, label in zip(notes, labels, strict=True):
        speakers.setdefault(plain(note), (note, []))[1].append(label)
    said: list[Words] = []
    for note, of in speakers.values():
        parts = note if isinstance(note, tuple) else (note,)
        said.append(note if len(set(of)) == len(set(labels)) else (f"{', '.join(dict.fromkeys(of))}: ", *parts))
    return said
