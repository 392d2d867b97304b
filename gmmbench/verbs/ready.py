"""A model and the scores asked of it, ready to compute: fitted where they must be, the model given what they need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gmmbench.data import closed_set
from gmmbench.data.registry import existing_root
from gmmbench.errors import InputError
from gmmbench.evaluate import Source, predicted
from gmmbench.fitting import PIXELS, Fitted, draw, fitted_scores
from gmmbench.models.contract import Model
from gmmbench.outside import outside_score
from gmmbench.scores import FIELDS, FittedScore, Score, choose, family_of
from gmmbench.scores.training_pixels import TrainingPixels
from gmmbench.verbs.setting import ProgressBar, code_and_machine
from gmmbench.verbs.subject import Loaded, Subject

FIT_SEED = 0
OUTSIDE = "outside"


@dataclass(frozen=True)
class Wanted:
    """Which scores: checked as far as that goes without a model.

    Attributes:
        names: "fast", "all" or names separated by commas, with options; see ``gmmbench.scores.choose``.
        outside: scores of one's own, "package.module:function".
    """

    names: str
    outside: Mapping[str, Score]


@dataclass(frozen=True)
class Ready:
    """What can be asked now.

    Attributes:
        model: with all that the scores need.
        scores: by name, fitted.
        families: of each score, see ``gmmbench.results.Row``.
        fitted: of the fitted ones, where they come from.
        provenance: of their rows, but for data set and protocol.
        loaded: the model as it was named.
    """

    model: Model
    scores: Mapping[str, Score]
    families: Mapping[str, str]
    fitted: Mapping[str, Fitted]
    provenance: Mapping[str, Any]
    loaded: Loaded

    def source(self) -> Source:
        """All score maps of an image from one forward."""
        return predicted(self.model, self.scores)

    def notes(self) -> list[str]:
        """What to tell of fits."""
        return [f"{key}: {fit}{', as before' if fit.reused else ''}" for key, fit in self.fitted.items()]


def wanted(names: str, outside: Sequence[str]) -> Wanted:
    """Raises InputError for a misspelt name, or a score from outside that cannot be found, before any work."""
    choose(names, gives=FIELDS)
    return Wanted(names, {spec: outside_score(spec) for spec in outside})


def make_ready(subject: Subject, scores: Wanted, *, data_root: Path, out: Path, bar: ProgressBar) -> Ready:
    """Load the model, choose the scores that it can give, fit those that must be fitted.

    Args:
        data_root: of the training images that scores are fitted to.
        out: the run folder; fits of a model without a checkpoint are kept there.

    Raises:
        InputError: the model cannot be loaded, cannot give a score asked for, or has nothing to fit it to.
    """
    loaded = subject.load()
    chosen = choose(scores.names, loaded.can_give)
    model = loaded.equipped_for(chosen)
    computed, fitted = _fitted(loaded, chosen, data_root, out, bar)
    families = {key: family_of(score, generative=model.generative) for key, score in chosen.items()}
    formulas = {key: _formula(score, loaded, fitted.get(key)) for key, score in chosen.items()}
    provenance = dict(loaded.provenance) | code_and_machine(model.device)
    provenance["scores"] = formulas | {spec: f"{spec}, a score from outside" for spec in scores.outside}
    provenance["models"] = {key: 1 + len(loaded.members) for key, score in chosen.items() if score.needs == "ensemble"}
    provenance["fitted"] = {key: dict(fit.about) for key, fit in fitted.items()}
    families |= dict.fromkeys(scores.outside, OUTSIDE)
    return Ready(model, computed | dict(scores.outside), families, fitted, provenance, loaded)


def _fitted(
    loaded: Loaded, chosen: Mapping[str, Score | FittedScore], data_root: Path, out: Path, bar: ProgressBar
) -> tuple[dict[str, Score], dict[str, Fitted]]:
    """All scores ready to compute; what is not on disk yet is fitted to the training split."""
    fitted = [key for key, score in chosen.items() if isinstance(score, FittedScore)]
    if not fitted:
        return {key: score for key, score in chosen.items() if isinstance(score, Score)}, {}
    if loaded.closed_set is None:
        raise InputError(
            f"{', '.join(fitted)} must be fitted to training images, and this model does not say which; name its"
            " closed set with --fit-on, or ask for --scores fast"
        )
    closed = closed_set(loaded.closed_set)
    digest = loaded.provenance["checkpoint_sha256"]
    about: dict[str, Any] = {
        "config_sha256": loaded.provenance["config_sha256"],
        # A file is known by its bytes, by whatever path it was named; a model from outside by its arguments.
        "checkpoint": loaded.provenance["checkpoint"] if digest is None else None,
        "checkpoint_sha256": digest,
        "closed_set": loaded.closed_set,
        "split": "train",
        "pixels": PIXELS,
        "seed": FIT_SEED,
        "network_input": loaded.model.network_input,
    }
    images = closed.load(existing_root(data_root), "train")

    def pixels() -> TrainingPixels:
        with bar(f"training pixels of {loaded.closed_set}") as progress:
            return draw(loaded.model, images, len(closed.classes), seed=FIT_SEED, progress=progress)

    return fitted_scores(
        chosen,
        folder=loaded.fitted or out / "fitted",
        about=about | {"images": len(images)},
        pixels=pixels,
    )


def _formula(score: Score | FittedScore, loaded: Loaded, fitted: Fitted | None) -> str:
    """What a report says of a score: formula, options, and what it was fitted to."""
    options = "".join(f"; {key} {value}" for key, value in score.options.items())
    density = loaded.density if score.needs == "density" else ""
    # What only some scores need is said of them, not of the protocol, which all rows of a table share.
    members = f"; {1 + len(loaded.members)} models" if score.needs == "ensemble" else ""
    return f"{score.formula}{options}{density}{members}" + (f"; {fitted}" if fitted is not None else "")
