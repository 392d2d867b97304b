"""What is evaluated: a model of ours, or anybody's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gmmbench.errors import InputError
from gmmbench.models.committee import stochastic
from gmmbench.models.contract import Model
from gmmbench.models.equipped import equipped
from gmmbench.models.posthoc import load_posthoc
from gmmbench.models.predictor import load_predictor
from gmmbench.outside import outside_predictor
from gmmbench.provenance import sha256
from gmmbench.scores import FittedScore, Score, options_of
from gmmbench.verbs.setting import trained


@dataclass(frozen=True)
class Loaded:
    """A model ready to be asked.

    Attributes:
        bare: the model as it stands, without what only some scores need.
        name: what tables call it, if nobody says otherwise.
        can_give: the fields of ``Prediction`` that it can fill when ``equipped``.
        provenance: of its rows.
        words: how its command begins, and with which options.
        closed_set: what its fitted scores are fitted to.
        fitted: folder of its fitted scores; ``None``: in the run folder.
        members: of its ensemble, beside itself.
        density: what to say of a density that was fitted afterwards.
        flip: average each image with its mirror image, whatever else the model gives.
    """

    bare: Model
    name: str
    can_give: frozenset[str]
    provenance: Mapping[str, Any]
    words: tuple[object, ...]
    options: Mapping[str, object]
    closed_set: str | None
    fitted: Path | None = None
    members: tuple[Model, ...] = ()
    density: str = ""
    flip: bool = False

    @property
    def model(self) -> Model:
        """As every score is given it, those that are fitted too."""
        return equipped(self.bare, flip=self.flip)

    def equipped_for(self, scores: Mapping[str, Score | FittedScore]) -> Model:
        """The model with what these scores need, by their options.

        Raises:
            InputError: two scores want different settings of one forward.
        """
        perturbed = _setting(scores, "perturbed", ("temperature", "epsilon"))
        dropout = _setting(scores, "dropout", ("passes", "seed"))
        members = self.members if any(score.needs == "ensemble" for score in scores.values()) else ()
        return equipped(self.bare, perturbed=perturbed, dropout=dropout, members=members, flip=self.flip)


@dataclass(frozen=True)
class OurModel:
    """A config and a checkpoint.

    Attributes:
        gmm: what ``fit-gmm`` wrote for the checkpoint; it gives the density.
        ensemble: more checkpoints of the config.
        flip: average each image with its mirror image.
    """

    config: Path
    checkpoint: Path
    gmm: Path | None = None
    ensemble: tuple[Path, ...] = ()
    flip: bool = False

    @property
    def folder(self) -> Path:
        """Where results go if nobody says otherwise."""
        return self.checkpoint.parent / "eval"

    def load(self) -> Loaded:
        """Raises InputError where a file is missing or does not belong to the others."""
        predictor = load_predictor(self.config, self.checkpoint)
        provenance = trained(self.config, predictor.config_sha256, self.checkpoint)
        density = ""
        if self.gmm is not None:
            posthoc, about = load_posthoc(self.gmm, self.checkpoint, sha256(self.checkpoint))
            predictor = replace(predictor, posthoc=posthoc.to(predictor.device))
            provenance["posthoc"] = about | {"file": str(self.gmm), "file_sha256": sha256(self.gmm)}
            density = f"; d of {_in_words(about)}"
        members = tuple(load_predictor(self.config, path) for path in self.ensemble)
        if members:
            provenance["ensemble"] = [
                {"checkpoint": str(path), "checkpoint_sha256": sha256(path)} for path in self.ensemble
            ]
        more = {"perturbed": True, "dropout": bool(stochastic(predictor.model)), "ensemble": bool(members)}
        return Loaded(
            predictor,
            self.config.stem,
            predictor.gives | {name for name, given in more.items() if given},
            provenance,
            (self.config, self.checkpoint),
            {"gmm": self.gmm, "ensemble": self.ensemble, "flip": self.flip},
            predictor.closed_set,
            self.checkpoint.parent / "fitted",
            members,
            density,
            self.flip,
        )


@dataclass(frozen=True)
class OutsideModel:
    """Any model, by the function that makes it.

    Attributes:
        spec: "package.module:factory".
        arguments: of the factory.
        fit_on: the closed set that scores are fitted to.
        flip: average each image with its mirror image.
    """

    spec: str
    arguments: Mapping[str, str] = field(default_factory=dict)
    fit_on: str | None = None
    flip: bool = False

    @property
    def folder(self) -> None:
        """It has no checkpoint to write beside."""
        return None

    def load(self) -> Loaded:
        """Raises InputError where the factory cannot be found or fails to make a model."""
        model = outside_predictor(self.spec, self.arguments)
        provenance = {
            "config": f"--predictor {self.spec}",
            "config_sha256": model.config_sha256,
            "checkpoint": ", ".join(f"{key}={value}" for key, value in self.arguments.items()) or "as its factory says",
            "checkpoint_sha256": None,
        }
        options = {
            "predictor": self.spec, "predictor_arg": self.arguments, "fit_on": self.fit_on, "flip": self.flip,
        }  # fmt: skip
        name = model.name or self.spec.split(":")[-1]
        closed = self.fit_on or model.closed_set
        return Loaded(model, name, model.gives, provenance, (), options, closed, flip=self.flip)


Subject = OurModel | OutsideModel


def subject_of(
    config: Path | None,
    checkpoint: Path | None,
    predictor: str | None,
    arguments: Sequence[str] | None,
    fit_on: str | None,
    gmm: Path | None,
    ensemble: Sequence[Path] | None,
    flip: bool,
) -> Subject:
    """Of what a command line says. Raises InputError where that is no model, or two."""
    if predictor is None:
        if config is None or checkpoint is None:
            raise InputError("no model named; wanted CONFIG CHECKPOINT, or --predictor PACKAGE.MODULE:FACTORY")
        if arguments or fit_on:
            raise InputError("--predictor-arg and --fit-on go with --predictor; with CONFIG CHECKPOINT leave them out")
        return OurModel(config, checkpoint, gmm, tuple(ensemble or ()), flip)
    if config is not None or checkpoint is not None or gmm is not None or ensemble:
        raise InputError("--predictor names the model; leave out CONFIG, CHECKPOINT, --gmm and --ensemble")
    pairs = [argument.partition("=") for argument in arguments or ()]
    wrong = [key for key, equals, _ in pairs if not equals or not key]
    if wrong:
        raise InputError(f"--predictor-arg {wrong[0]}: wanted KEY=VALUE")
    return OutsideModel(predictor, {key: value for key, _, value in pairs}, fit_on, flip)


def _setting(scores: Mapping[str, Score | FittedScore], needs: str, keys: tuple[str, str]) -> Any:
    """The values of ``keys`` that the scores which need this field agree on; ``None`` where there are none."""
    found = {
        name: tuple(options_of(score)[key] for key in keys) for name, score in scores.items() if score.needs == needs
    }
    if len(set(found.values())) > 1:
        raise InputError(
            f"{' and '.join(found)} want different {' or '.join(keys)}; one evaluation makes one such forward: evaluate"
            " them one after the other, each with its own --out"
        )
    return next(iter(found.values()), None)


def _in_words(about: Mapping[str, Any]) -> str:
    """What a report says of a post-hoc density."""
    each = "a Gaussian" if about["components"] == 1 else f"{about['components']} Gaussians"
    unit = ", L2-normalised" if about["unit"] else ""
    right = ", correctly classified pixels only" if about["correct_only"] else ""
    return (
        f"{each} a class ({about['covariance']} covariance), fitted to the trained model's features{unit}, on"
        f" {about['images']} images of {about['closed_set']} {about['split']}{right}"
    )
