"""Which scores a request asks for, and what tables set them beside."""

from __future__ import annotations

from collections.abc import Collection

from gmmbench.errors import InputError, unknown_name
from gmmbench.scores.limits import check_options
from gmmbench.scores.registry import FAST, FITTED, SCORES
from gmmbench.scores.score import FittedScore, Score, options_of, with_options


def choose(wanted: str, gives: Collection[str]) -> dict[str, Score | FittedScore]:
    """The scores that a request asks for.

    Args:
        wanted: "fast" (those of ``FAST``), "all" (those that the model can give), or names
            separated by commas. A name may carry options: ``msp@temperature=2``, and is then called so in tables.
        gives: the fields of ``Prediction`` that the model can fill.

    Raises:
        InputError: an unknown name or option, a value out of range, or a score that this model cannot give; lists
            those it can.
    """
    known: dict[str, Score | FittedScore] = {**SCORES, **FITTED}
    possible = {name: score for name, score in known.items() if score.needs in gives}
    if wanted == "all":
        return possible
    if wanted == "fast":
        return {name: score for name, score in possible.items() if name in FAST}
    names = [name.strip() for name in wanted.split(",") if name.strip()]
    if not names:
        raise InputError(f"no score named; this model can give: {', '.join(possible)}")
    chosen = {}
    for full_name in names:
        name, *changes = full_name.split("@")
        if name not in known:
            raise unknown_name("score", name, [*known, "fast", "all"])
        if name not in possible:
            raise InputError(
                f"score '{name}' needs {known[name].needs}, which this model does not give;"
                f" it can give: {', '.join(possible)}"
            )
        chosen[full_name] = with_options(name, known[name], changes)
        check_options(name, options_of(chosen[full_name]))
    return chosen


def family_of(score: Score | FittedScore, *, generative: bool) -> str:
    """What a table sets a score beside: see ``gmmbench.results.Row``.

    A GMM model's logits are made of its densities: a score of them is no baseline to set against the density.
    """
    if score.needs in ("density", "features"):
        return score.needs
    return "posterior" if generative else "logits"
