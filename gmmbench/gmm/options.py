"""What can be chosen of a GMM classifier, and what each choice means."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from typing import Any

from gmmbench.gmm.covariance import COVARIANCES
from gmmbench.gmm.density import CLASS_DENSITIES
from gmmbench.gmm.memory import MEMORIES
from gmmbench.gmm.posterior import POSTERIORS
from gmmbench.gmm.presets import PRESETS


@dataclass(frozen=True)
class Options:
    """Attributes:
    components: M, Gaussians per class.
    dim: D, dimensions of the embedding.
    relu, layer_norm, unit: of the embedding, see ``Embedding``; ``unit`` also keeps means on the sphere.
    covariance: "diag", "low_rank", "full" or "tied"; ``covariance_options`` are that class's own.
    floor: added to all variances, in squared units of the features.
    class_density: "mixture" (logsumexp, uniform weights) or "best" (maximum over components).
    posterior: "bayes", "tempered" or "layer_norm"; ``posterior_options`` are that class's own.
    temperature, relative, iterations: of the E-step, see ``gmmbench.gmm.em.sinkhorn``.
    hard: each pixel goes whole to its most responsible component.
    correct_only: pixels that the logits get wrong do not enter the memory.
    from_data: a class's components start at the first pixels seen of it (k-means++), else at random.
    memory: "streaming" or "queue"; ``memory_options`` are that class's own.
    horizon: share of the schedule that a streaming memory looks back on; ``None`` keeps its decay.
    interval: training steps between M-steps.
    momentum: share of the means that an M-step keeps.
    component_weight: of ``GMMClassifier.component_loss`` beside the cross-entropy of the logits.
    """

    components: int
    dim: int
    relu: bool
    layer_norm: bool
    unit: bool
    covariance: str
    floor: float
    covariance_options: dict[str, Any]
    class_density: str
    posterior: str
    posterior_options: dict[str, Any]
    temperature: float
    relative: bool
    iterations: int
    hard: bool
    correct_only: bool
    from_data: bool
    memory: str
    memory_options: dict[str, Any]
    horizon: float | None
    interval: int
    momentum: float
    component_weight: float


CHOICES: dict[str, Collection[str]] = {
    "covariance": COVARIANCES,
    "class_density": CLASS_DENSITIES,
    "posterior": POSTERIORS,
    "memory": MEMORIES,
}
"""Options that name an entry of a registry."""


def choose_options(preset: str, changes: Mapping[str, Any]) -> Options:
    """A preset with some options changed. Another covariance, memory or posterior drops the preset's options of it.

    Raises:
        ValueError: an unknown preset, option or choice; lists the known ones.
    """
    if preset not in PRESETS:
        raise ValueError(_unknown("preset", preset, PRESETS))
    options = dict(PRESETS[preset])
    known = [field.name for field in fields(Options)]
    for name, value in changes.items():
        if name not in known:
            raise ValueError(_unknown("classifier option", name, known))
        if f"{name}_options" in known and value != options[name]:
            options[f"{name}_options"] = {}
    options.update(changes)
    for name, choices in CHOICES.items():
        if options[name] not in choices:
            raise ValueError(_unknown(name, options[name], choices))
    return Options(**options)


def _unknown(kind: str, name: object, known: Collection[str]) -> str:
    near = get_close_matches(str(name), list(known), n=1)
    hint = f"; did you mean '{near[0]}'?" if near else ""
    return f"unknown {kind} '{name}'; known: {', '.join(known)}{hint}"
