"""Which scores there are: one line an entry."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from torch import Tensor

from gmmbench.errors import InputError, unknown_name
from gmmbench.prediction import Prediction
from gmmbench.scores.energy import energy
from gmmbench.scores.entropy import entropy
from gmmbench.scores.gmm_lse import gmm_lse
from gmmbench.scores.gmm_max import gmm_max
from gmmbench.scores.max_logit import max_logit
from gmmbench.scores.msp import msp


@dataclass(frozen=True)
class Score:
    """A score and what a table says of it.

    Attributes:
        compute: a ``Prediction`` to (H, W) float32, higher = more anomalous.
        needs: the field of ``Prediction`` that it reads, "logits" or "density".
        formula: one line, in the symbols z = logits, p = softmax(z), d_c = log p(x | c).
    """

    compute: Callable[[Prediction], Tensor]
    needs: str
    formula: str


SCORES: dict[str, Score] = {
    "gmm_max": Score(gmm_max, "density", "-max_c d_c"),
    "gmm_lse": Score(gmm_lse, "density", "-log 1/C sum_c exp(d_c)"),
    "msp": Score(msp, "logits", "1 - max_c p_c"),
    "max_logit": Score(max_logit, "logits", "-max_c z_c"),
    "entropy": Score(entropy, "logits", "-sum_c p_c log p_c, in nats"),
    "energy": Score(energy, "logits", "-log sum_c exp(z_c)"),
}
"""Scores by name, in the order of tables. On a GMM model the logits scores read its posterior."""


def choose(wanted: str, gives: Collection[str]) -> dict[str, Score]:
    """The scores that a request asks for.

    Args:
        wanted: "all" (those that the model can give) or names separated by commas.
        gives: the fields of ``Prediction`` that the model fills.

    Raises:
        InputError: an unknown name, or a score that this model cannot give; lists those it can.
    """
    possible = {name: score for name, score in SCORES.items() if score.needs in gives}
    if wanted == "all":
        return possible
    names = [name.strip() for name in wanted.split(",") if name.strip()]
    if not names:
        raise InputError(f"no score named; this model can give: {', '.join(possible)}")
    for name in names:
        if name not in SCORES:
            raise unknown_name("score", name, SCORES)
        if name not in possible:
            raise InputError(
                f"score '{name}' needs {SCORES[name].needs}, which this model does not give;"
                f" it can give: {', '.join(possible)}"
            )
    return {name: SCORES[name] for name in dict.fromkeys(names)}
