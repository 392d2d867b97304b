"""Protocols: whose definitions an evaluation follows.

Papers write AP and FPR95 and mean different numbers: the threshold rule, the form of the area, pooled
pixels or a mean over images, images without an anomaly, float16 score maps, the size of the images. A
``Protocol`` holds these choices as its author's public code makes them, so that a number can be set
beside a published one. With scores that do not tie, pooled protocols agree to a bin's width on the same
images; ties and empty images are where they part.

A new protocol is a line in ``PROTOCOLS``. What a protocol cannot reproduce stands in ``not_reproduced``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

import cv2
import numpy as np
from numpy.typing import NDArray

from gmmbench.errors import InputError
from gmmbench.labels import IN, OOD
from gmmbench.metrics import variants
from gmmbench.metrics.counted import Counted, SortedCounts
from gmmbench.metrics.readings import READINGS, Reading, auroc, fpr95


class Empty(Enum):
    """What happens to an image without an OOD pixel; the value is the sentence for a report."""

    KEPT = "kept: their IN pixels count"
    SKIPPED = "skipped: an image without an OOD pixel is not counted at all"
    REFUSED = "refused: every image must have IN and OOD pixels"


@dataclass(frozen=True)
class Protocol:
    """One author's choices.

    Attributes:
        name: as in ``PROTOCOLS``.
        source: repository and file, or paper, that the definitions were read in.
        readings: metric to its definition here.
        per_image: the value is the mean over images of each image's own value; else pixels are pooled.
        empty: what happens to an image without an OOD pixel.
        half: score maps pass through float16.
        size: (height, width) that image and labels are brought to before anything; None: as published.
        components: component metrics belong to it.
        not_reproduced: what the author's code does besides; empty if nothing is known.
    """

    name: str
    source: str
    readings: Mapping[str, Reading[Counted, float]]
    per_image: bool = False
    empty: Empty = Empty.KEPT
    half: bool = False
    size: tuple[int, int] | None = None
    components: bool = False
    not_reproduced: str = ""

    def __post_init__(self) -> None:
        if self.per_image and self.empty is not Empty.REFUSED:
            raise InputError(
                f"protocol '{self.name}' takes a mean over images but does not refuse one-sided images, whose "
                "values are undefined; set empty to Empty.REFUSED"
            )

    def words(self) -> dict[str, str]:
        """Label to sentence, in the order of a report: what was done, with the definition of each metric."""
        lines = {
            "protocol": self.name,
            "source": self.source,
            "aggregation": "mean over images of each image's value"
            if self.per_image
            else "pixels of all images pooled",
            "images without OOD": self.empty.value,
            "score precision": "float16, as the maps are stored" if self.half else "float32",
            "resolution": "that of the published labels",
            "component metrics": "yes" if self.components else "no",
        }
        if self.size is not None:
            height, width = self.size
            lines["resolution"] = (
                f"image and labels at {height} x {width} (height x width), labels by nearest neighbour"
            )
        lines |= {reading.name: reading.definition for reading in self.readings.values()}
        return lines | ({"not reproduced": self.not_reproduced} if self.not_reproduced else {})

    def rounded(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        """The (H, W) float32 map as this protocol sees it: through float16 where ``half``, else itself.

        What lies beyond 65504 becomes infinite, and infinities tie: so they do in the author's files.
        """
        if not self.half:
            return scores
        with np.errstate(over="ignore"):
            return scores.astype(np.float16).astype(np.float32)

    def sized(self, labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """(H, W) labels at ``size``: nearest neighbour by pixel centres, as Pillow and torchvision's Resize do it."""
        if self.size is None or labels.shape == self.size:
            return labels
        height, width = self.size
        resized = cv2.resize(labels, (width, height), interpolation=cv2.INTER_NEAREST_EXACT)
        return np.asarray(resized, dtype=np.uint8)

    def takes(self, labels: NDArray[np.uint8], name: str = "") -> bool:
        """Whether an image with these labels, at the protocol's size, counts.

        Raises:
            InputError: the protocol refuses the image, or the labels are not of its size.
        """
        where = f"image '{name}': " if name else ""
        if self.size is not None and labels.shape != self.size:
            raise InputError(
                f"{where}labels are {labels.shape}; protocol '{self.name}' evaluates at {self.size}; "
                "bring image and labels to that size first"
            )
        has_ood = bool((labels == OOD).any())
        if self.empty is Empty.REFUSED and not (has_ood and (labels == IN).any()):
            raise InputError(
                f"{where}no {'IN' if has_ood else 'OOD'} pixel; protocol '{self.name}' refuses such images, as its "
                "author's code does: its values are means over images; choose another protocol for this data set"
            )
        return has_ood or self.empty is not Empty.SKIPPED


class _SidesSwapped:
    """The same pixels with IN as the positive class and the score negated."""

    def __init__(self, counts: Counted) -> None:
        self.pixels_in, self.pixels_ood = counts.pixels_ood, counts.pixels_in
        self._counts = counts

    def sorted_counts(self) -> SortedCounts:
        edges, in_counts, ood_counts = self._counts.sorted_counts()
        return SortedCounts(-edges[::-1], ood_counts[::-1], in_counts[::-1])


def aupr_in_trapezoid(counts: Counted) -> float:
    """``variants.aupr_trapezoid`` with IN as the positive class and the score negated; pytorch-ood's AUPR-IN."""
    return variants.aupr_trapezoid(_SidesSwapped(counts))


_RANK = {name: READINGS[name] for name in ("AUROC", "AP", "FPR95")}
_BEST_F1 = {name: READINGS[name] for name in ("F1", "F1 threshold")}


def _fpr95(read: Callable[[Counted], float], definition: str) -> dict[str, Reading[Counted, float]]:
    return {"FPR95": Reading("FPR95", read, False, definition)}


_GMMBENCH = Protocol("gmmbench", "the docstrings of gmmbench.metrics.readings", READINGS)

# Evaluation.save_output stores float16. Of curves_from_cmats: AP is the step sum "to match sklearn", FPR stands at
# np.searchsorted(tpr, 0.95), F1 is 2 TP / (2 TP + FP + FN) and its threshold the first, so the highest, of the best.
_SMIYC = Protocol(
    "smiyc",
    "SegmentMeIfYouCan/road-anomaly-benchmark, road_anomaly_benchmark/: evaluation.py, "
    "metrics/pixel_classification.py, metrics/pixel_classification_curves.py, metrics/instance_segmentation.py",
    _RANK | _BEST_F1,
    half=True,
    components=True,
    not_reproduced="its histogram of 768 percentile edges an image, too coarse where OOD pixels are rare: "
    "the same definitions are read from fine bins",
)

# calculate_metrics_perpixAP, in both repositories: step AP, FPR at np.searchsorted(tpr, 0.95), void dropped.
_FISHYSCAPES = Protocol(
    "fishyscapes",
    "hermannsblum/bdl-benchmark, bdlb/fishyscapes/benchmark.py; hermannsblum/fishyscapes, eval.py",
    _RANK,
    not_reproduced="infinite scores: its code gives each a threshold of its own, here equal ones tie",
)

# valid_anomaly collects all images, eval_ood_measure pools their pixels; AUROC and AP are scikit-learn's.
_PEBAL = Protocol(
    "pebal",
    "tianyu0207/PEBAL, code/utils/pyt_utils.py, code/valid.py",
    _RANK
    | _fpr95(
        variants.fpr_nearest_recall,
        "share of IN pixels at or above the threshold whose TPR is nearest to 95 %, be it below; "
        "the lowest of equally near thresholds; pixels pooled",
    ),
)

# The course's evalAnomaly.py: images without anomaly are left out after the labels were resized.
_POLITO = Protocol(
    "polito",
    "yurnero14/Anomaly-Segmentation, eval/evalAnomaly.py with --resize; ood_metrics 1.1.2, fpr_at_95_tpr",
    _RANK
    | _fpr95(
        variants.fpr_interpolated,
        "FPR at TPR 95 % on straight lines between the points of scikit-learn's ROC curve; pixels pooled",
    ),
    empty=Empty.SKIPPED,
    size=(512, 1024),
    not_reproduced="forks that evaluate at native size, keep images without OOD, or forget to divide images by 255; "
    "its code prints no AUROC, the one here is scikit-learn's",
)

_PYTORCH_OOD = Protocol(
    "pytorch-ood",
    "kkirchheim/pytorch-ood, src/pytorch_ood/utils/metrics.py, OODMetrics(mode='segmentation')",
    {
        "AUROC": Reading(
            "AUROC", auroc, True, "chance that an OOD pixel scores above an IN pixel, ties half; mean over images"
        ),
        "AP": Reading(
            "AP", variants.aupr_trapezoid, True, "trapezoid under the precision-recall curve; mean over images"
        ),
        "AUPR-in": Reading(
            "AUPR-in",
            aupr_in_trapezoid,
            True,
            "trapezoid under the precision-recall curve of IN, score negated; mean over images",
            headline=False,
        ),
        "FPR95": Reading(
            "FPR95",
            fpr95,
            False,
            "share of an image's IN pixels at or above the highest threshold that finds 95 % of its OOD pixels; "
            "mean over images",
        ),
    },
    per_image=True,
    empty=Empty.REFUSED,
    # Measured with torchmetrics 1.9: of 12 distinct negated scores its sigmoid makes 13, and moves AUPR-in by 1e-3.
    not_reproduced="the float32 sigmoid that torchmetrics applies to scores outside [0, 1], and so to all negated "
    "ones, which joins large scores and parts some equal ones; rates in float32; AUTC",
)

PROTOCOLS: dict[str, Protocol] = {
    protocol.name: protocol for protocol in (_GMMBENCH, _SMIYC, _FISHYSCAPES, _PEBAL, _POLITO, _PYTORCH_OOD)
}
"""All protocols, by name."""
