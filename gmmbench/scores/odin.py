"""ODIN: temperature, and a step on the input."""

from __future__ import annotations

from torch import Tensor

from gmmbench.errors import InputError
from gmmbench.prediction import Prediction
from gmmbench.scores.posterior import doubt


def odin(p: Prediction, *, temperature: float = 1000.0, epsilon: float = 0.0014) -> Tensor:
    """How far max_c p_c, p = softmax(z(x~) / T), is from 1, as log-odds, (H, W) float32, at most 0.

    Liang et al. 2018, arXiv 1706.02690, where x~ = x - epsilon sign(-grad log max_c softmax(z(x) / T)_c). Whoever
    predicts makes x~ and ``p.perturbed`` = z(x~), and reads both options for that; epsilon is in units of an image
    in [0, 1]. Both defaults are those of the authors' code (facebookresearch/odin, code/main.py). The ODIN of
    SegmentMeIfYouCan, tuned on Lost and Found, has T = 3 and an epsilon of 0.0001 of the normalised input, which is
    about ``odin@temperature=3@epsilon=0.000023``; its step goes the other way, see ``WithPerturbed``.

    The paper's score is 1 - max_c p_c. At T = 1000 it lies within a thousandth of 1 - 1/C, where float32 has few
    levels, and at low T near 0. log((1 / max_c p_c - 1) / (C - 1)) rises with it, is 0 where all classes are
    equally likely, and keeps its digits at both ends. Computed in float64; -inf where float64 cannot tell
    max_c p_c from 1.

    Raises:
        InputError: the step was not made, or a temperature that is not above 0.
    """
    if p.perturbed is None:
        raise InputError("score 'odin' needs the logits of the perturbed image; this predictor does not make them")
    if not temperature > 0:
        raise InputError(f"odin@temperature={temperature}: wanted a number above 0")
    posterior = (p.perturbed.double() / temperature).softmax(dim=0)
    odds = doubt(posterior) / posterior.amax(dim=0)
    return (odds / max(len(posterior) - 1, 1)).log_().float()
