"""One number and where it comes from, as a line of JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

IMAGE_MEAN = ", image mean"
"""Ends the name of a metric that is the mean of the images' own values, of those in which it is defined."""


@dataclass(frozen=True)
class Row:
    """One number and where it comes from.

    Attributes:
        task: "closed" (segmentation of known classes) or "ood".
        run: what the model is called in tables.
        dataset: registry name of the data set.
        metric: name in ``READINGS`` ("AUROC", "AP", "FPR95", ...), of a component reading, of a mean over images
            ("AUROC, image mean"), or of a closed-set reading.
        value: the reading, a fraction of one or in units of the score; NaN where it is undefined.
        score: what tables call the score, with its options: "msp@temperature=2" (``None`` for closed-set rows).
        family: what the score reads: "density", "logits" of a discriminative model, "posterior", the logits that
            a generative model makes of its densities, "features", or "outside" for a score or score maps that
            came from elsewhere (``None`` for closed-set rows).
        class_name: the class a per-class reading speaks of.
        counts: images, images_total, and pixels_in, pixels_ood, pixels_ignored, or pixels.
        provenance: config, checkpoint, code, versions, seed, protocol; see ``gmmbench.provenance``.
        low, high: the ends of the value's interval, resampled over images; ``None`` where there is none.
    """

    task: str
    run: str
    dataset: str
    metric: str
    value: float
    score: str | None = None
    family: str | None = None
    class_name: str | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    low: float | None = None
    high: float | None = None

    def to_json(self) -> str:
        """One line of strict JSON, keys sorted; an undefined value is ``null``, an infinite one "inf" or "-inf"."""
        record = asdict(self)
        record |= {key: _strict(record[key]) for key in ("value", "low", "high")}
        return json.dumps(record, sort_keys=True, allow_nan=False, ensure_ascii=False)

    @staticmethod
    def from_json(line: str) -> Row:
        """The row that ``to_json`` wrote. Raises ValueError, KeyError or TypeError on anything else."""
        record = json.loads(line)
        record["value"] = math.nan if record["value"] is None else float(record["value"])
        record |= {end: None if record.get(end) is None else float(record[end]) for end in ("low", "high")}
        return Row(**record)


def _strict(value: float | None) -> float | str | None:
    """JSON knows neither NaN nor infinity."""
    if value is None or math.isnan(value):
        return None
    return value if math.isfinite(value) else str(value)
