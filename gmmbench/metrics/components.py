"""Component metrics: sIoU, PPV and F1* of objects, as the SegmentMeIfYouCan leaderboard counts them.

Chan et al. 2021, "SegmentMeIfYouCan: A Benchmark for Anomaly Segmentation", arXiv 2104.14812, section
"component-wise metrics", and the code behind the leaderboard, SegmentMeIfYouCan/road-anomaly-benchmark,
``road_anomaly_benchmark/metrics/instance_segmentation.py``. A component is a set of 8-connected pixels.

Where paper and code disagree, and where the code says more than the paper, this follows the code:

* an object counts as found at sIoU >= tau, and a prediction as false at PPV < tau; the paper has
  sIoU > tau and PPV <= tau. tau is ``np.linspace(0.25, 0.75, 11)``, compared as floats, as there;
* IGNORE pixels are no prediction: they are taken out before components are made, so void may cut one
  prediction in two, and the size that is compared with the least size is that of what is left;
* the pixels of an object that is too small become IGNORE after the predictions were made: they are
  taken out of the predictions that lie on them, and a prediction that lies nowhere else is not counted;
* sIoU and PPV are means over the components of all images, and F1 is of the pooled TP, FN and FP.

Not followed, being accidents: the leaderboard's code also voids the background of an image that has less
background than the least object; its option to bring one's own instances never takes effect; and it
calls ``score > delta*`` anomalous though the F1 of delta* was counted with the bin that starts there.
Here delta*, the threshold of the best pixel F1 of the pooled pixels of the whole data set, belongs to the
anomalous side: pass ``scores >= threshold``. delta* is chosen on the set that it is used on, as there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from gmmbench.errors import InputError
from gmmbench.labels import IGNORE, IN, OOD
from gmmbench.metrics.readings import Reading

TAUS: NDArray[np.float64] = np.linspace(0.25, 0.75, 11)
"""The thresholds of sIoU and PPV over which F1* is a mean: .25, .30, ... .75."""

VECTOR_LENGTH = 4 + 3 * len(TAUS)
"""K, the length of ``ComponentCounts.to_vector``."""

_SIOU, _TRUTHS, _PPV, _PREDICTIONS = range(4)
_TP, _FN, _FP = (slice(4 + i * len(TAUS), 4 + (i + 1) * len(TAUS)) for i in range(3))


@dataclass(frozen=True)
class ComponentRules:
    """Which components count.

    Attributes:
        smallest_predicted: pixels; a predicted component with fewer is dropped.
        smallest_truth: pixels; an object with fewer is IGNORE.
        name: of the rules, for a report.
    """

    smallest_predicted: int
    smallest_truth: int
    name: str


TRACKS: dict[str, ComponentRules] = {
    "anomaly": ComponentRules(500, 100, "SegmentMeIfYouCan Anomaly track"),
    "obstacle": ComponentRules(50, 10, "SegmentMeIfYouCan Obstacle track"),
}
"""The rules of the leaderboard's tracks; its README has Fishyscapes L&F under "anomaly", LostAndFound "obstacle"."""


@dataclass(frozen=True, eq=False)
class ComponentCounts:
    """Sums over components, of one image or of many; they merge by ``+``.

    Attributes:
        siou_sum: of sIoU over the objects.
        truths: objects, the components of the ground truth.
        ppv_sum: of PPV over the predicted components.
        predictions: predicted components.
        tp: (11,) int64, objects with sIoU >= tau, for each of ``TAUS``.
        fn: (11,) int64, objects with sIoU < tau.
        fp: (11,) int64, predicted components with PPV < tau.
    """

    siou_sum: float
    truths: int
    ppv_sum: float
    predictions: int
    tp: NDArray[np.int64]
    fn: NDArray[np.int64]
    fp: NDArray[np.int64]

    def __add__(self, other: ComponentCounts) -> ComponentCounts:
        if not isinstance(other, ComponentCounts):
            return NotImplemented
        return ComponentCounts.from_vector(self.to_vector() + other.to_vector())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ComponentCounts):
            return NotImplemented
        return np.array_equal(self.to_vector(), other.to_vector())

    def to_vector(self) -> NDArray[np.float64]:
        """(K,) float64, for sums over images: sums of vectors are the vectors of sums. Counts stay exact."""
        head = [self.siou_sum, self.truths, self.ppv_sum, self.predictions]
        return np.concatenate([np.array(head, dtype=np.float64), self.tp, self.fn, self.fp])

    @classmethod
    def from_vector(cls, vector: NDArray[np.float64]) -> ComponentCounts:
        """The counts of a (K,) ``to_vector``, or of a sum of such; raises InputError on another shape."""
        if vector.shape != (VECTOR_LENGTH,):
            raise InputError(
                f"component counts of shape {vector.shape}; wanted ({VECTOR_LENGTH},), "
                "as ComponentCounts.to_vector gives them; evaluate again"
            )
        tp, fn, fp = (np.rint(vector[part]).astype(np.int64) for part in (_TP, _FN, _FP))
        truths, predictions = round(float(vector[_TRUTHS])), round(float(vector[_PREDICTIONS]))
        return cls(float(vector[_SIOU]), truths, float(vector[_PPV]), predictions, tp, fn, fp)


class _Components(NamedTuple):
    """(H, W) int32 component of each pixel, 0 is none; (N,) int64 pixels of each, 0 for the one that is none."""

    ids: NDArray[np.int32]
    sizes: NDArray[np.int64]


def count_components(
    predicted: NDArray[np.bool_], labels: NDArray[np.uint8], rules: ComponentRules, name: str = ""
) -> ComponentCounts:
    """The component counts of one image.

    With K^(k) the union of the predictions that touch object k, and A(k) the pixels of the other objects,
    sIoU(k) = |k and K^(k)| / |(k or K^(k)) without A(k)|: a prediction over two objects is not held against
    either for the other's pixels. PPV of a prediction is the share of its pixels that lie on objects.

    Args:
        predicted: (H, W) bool, the pixels called anomalous.
        labels: (H, W) uint8, IN, OOD or IGNORE.
        rules: the least sizes, see ``TRACKS``.
        name: of the image, for the error messages.

    Raises:
        InputError: wrong type, dtype or shape, or an unknown label value.
    """
    _check(predicted, labels, f"image '{name}': " if name else "")
    truth = _components(labels == OOD)
    guess = _components(predicted & (labels != IGNORE))
    truth_kept = truth.sizes >= max(rules.smallest_truth, 1)
    guess_kept = guess.sizes >= max(rules.smallest_predicted, 1)

    objects, guesses, shared = _overlaps(truth.ids, guess.ids)
    counts = guess_kept[guesses]
    objects, guesses, shared = objects[counts], guesses[counts], shared[counts]
    on_small = ~truth_kept[objects]
    areas = guess.sizes - _sums(guesses[on_small], shared[on_small], len(guess.sizes))
    objects, guesses, shared = objects[~on_small], guesses[~on_small], shared[~on_small]

    hits = _sums(guesses, shared, len(guess.sizes))
    found = _sums(objects, shared, len(truth.sizes))
    # (k or K^(k)) without A(k) is k and, of each prediction that touches it, what lies on no object.
    union = truth.sizes + _sums(objects, (areas - hits)[guesses], len(truth.sizes))
    siou = found[truth_kept] / union[truth_kept]
    counted = guess_kept & (areas > 0)
    ppv = hits[counted] / areas[counted]
    tp = (siou >= TAUS[:, None]).sum(axis=1)
    fp = (ppv < TAUS[:, None]).sum(axis=1)
    return ComponentCounts(float(siou.sum()), len(siou), float(ppv.sum()), len(ppv), tp, len(siou) - tp, fp)


def mean_siou(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean sIoU over the objects. (..., K) summed vectors -> (...,); NaN where there is no object."""
    return _divide(vectors[..., _SIOU], vectors[..., _TRUTHS])


def mean_ppv(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean PPV over the predictions. (..., K) summed vectors -> (...,); NaN where nothing is predicted."""
    return _divide(vectors[..., _PPV], vectors[..., _PREDICTIONS])


def f1_star(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over ``TAUS`` of F1(tau) = 2 TP / (2 TP + FN + FP). (..., K) summed vectors -> (...,).

    NaN where there is neither an object nor a prediction. 0, not NaN, where there is only one of the two.
    """
    twice_tp = 2 * vectors[..., _TP]
    values: NDArray[np.float64] = _divide(twice_tp, twice_tp + vectors[..., _FN] + vectors[..., _FP]).mean(axis=-1)
    return values


COMPONENT_READINGS: Mapping[str, Reading[NDArray[np.float64], NDArray[np.float64]]] = {
    "sIoU": Reading("sIoU", mean_siou, True, "mean adjusted IoU over the objects of all images"),
    "PPV": Reading("PPV", mean_ppv, True, "mean share of a predicted component that lies on objects, all images"),
    "F1*": Reading(
        "F1*", f1_star, True, "mean over .25, .30, ... .75 of the F1 of objects found and components predicted"
    ),
}
"""Readings of ``ComponentCounts.to_vector`` summed over images, vectorised over leading axes: (..., K) -> (...,)."""


def _components(mask: NDArray[np.bool_]) -> _Components:
    pixels = np.ascontiguousarray(mask).view(np.uint8)
    _, ids, stats, _ = cv2.connectedComponentsWithStats(pixels, connectivity=8, ltype=cv2.CV_32S)
    sizes = stats[:, cv2.CC_STAT_AREA].astype(np.int64)
    sizes[0] = 0
    return _Components(np.asarray(ids, dtype=np.int32), sizes)


def _overlaps(
    truth: NDArray[np.int32], guess: NDArray[np.int32]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """(M,) object, prediction and shared pixels of each pair that shares any.

    Pixels in reading order come in long runs of one pair: runs, not pixels, are sorted.
    """
    both = (truth > 0) & (guess > 0)
    keys = truth[both].astype(np.int64) << 32 | guess[both]
    starts = np.flatnonzero(np.diff(keys, prepend=-1))
    lengths = np.diff(starts, append=len(keys))
    pairs, run = np.unique(keys[starts], return_inverse=True)
    return pairs >> 32, pairs & 0xFFFFFFFF, _sums(run, lengths, len(pairs))


def _sums(ids: NDArray[np.int64], values: NDArray[np.int64], number: int) -> NDArray[np.int64]:
    """(number,) the sum of the ``values`` of each id; exact, the sums of bincount are floats below 2**53."""
    return np.bincount(ids, weights=values, minlength=number).astype(np.int64)


def _divide(numerator: NDArray[np.float64], denominator: NDArray[np.float64]) -> NDArray[np.float64]:
    quotient: NDArray[np.float64] = np.full(np.shape(numerator), math.nan)
    np.divide(numerator, denominator, out=quotient, where=denominator > 0)
    return quotient


def _check(predicted: Any, labels: Any, where: str) -> None:
    for what, array, dtype in (("predicted", predicted, np.bool_), ("labels", labels, np.uint8)):
        if not isinstance(array, np.ndarray) or array.dtype != dtype or array.ndim != 2 or array.size == 0:
            came = f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__
            raise InputError(f"{where}{what} is {came}; wanted a numpy array (H, W) of {np.dtype(dtype)}, not empty")
    if predicted.shape != labels.shape:
        raise InputError(f"{where}predicted is {predicted.shape} but labels {labels.shape}; wanted one shape")
    if sum(np.count_nonzero(labels == value) for value in (IN, OOD, IGNORE)) != labels.size:
        unknown = sorted(set(np.unique(labels).tolist()) - {IN, OOD, IGNORE})
        raise InputError(
            f"{where}unknown label values {unknown}; wanted IN = {IN}, OOD = {OOD} or IGNORE = {IGNORE}; "
            "map the publisher's values to these in the data set's loader"
        )
