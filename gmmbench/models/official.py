"""Checkpoints that the authors' GMMSeg code wrote (github.com/leonnnop/GMMSeg), as checkpoints of ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from torch import Tensor

from gmmbench.atomic import atomic_file, write_text
from gmmbench.data.registry import CLOSED_SETS
from gmmbench.errors import InputError
from gmmbench.gmm import PRESETS, GMMClassifier
from gmmbench.models.config import for_prediction, read_config
from gmmbench.models.weights import lasting, read_state_dict
from gmmbench.resources import CONFIGS

_RELEASED, _OURS = "decode_head.", "decode_head.conv_seg."

RENAMED = {
    "projection.conv.weight": "embed.projection.0.weight",
    "projection.bn.weight": "embed.projection.1.weight",
    "projection.bn.bias": "embed.projection.1.bias",
    "projection.bn.running_mean": "embed.projection.1.running_mean",
    "projection.bn.running_var": "embed.projection.1.running_var",
    "projection.bn.num_batches_tracked": "embed.projection.1.num_batches_tracked",
    "feat_norm.weight": "embed.norm.weight",
    "feat_norm.bias": "embed.norm.bias",
    "mask_norm.weight": "posterior.weight",
    "mask_norm.bias": "posterior.bias",
    "means": "mixture.means",
    "diagonal": "mixture.covariance.variances",
    "iteration_counter": "step",
}
"""Names in the released head to names in ``GMMClassifier``. Backbone and decoder are called alike in both."""

DROPPED = {
    "queue": "EM's memory, which only training reads",
    "queue_ptr": "EM's memory, which only training reads",
    "eye_matrix": "ones",
    "conv_seg.weight": "the linear classifier that MMSegmentation builds and GMMSeg never calls",
    "conv_seg.bias": "the linear classifier that MMSegmentation builds and GMMSeg never calls",
}
"""What the released head holds beyond that, and why it is not needed."""

VARIANTS: dict[tuple[int, tuple[int, ...]], str] = {
    (32, (2, 2, 2, 2)): "B0",
    (64, (2, 2, 2, 2)): "B1",
    (64, (3, 4, 6, 3)): "B2",
    (64, (3, 4, 18, 3)): "B3",
    (64, (3, 8, 27, 3)): "B4",
    (64, (3, 6, 40, 3)): "B5",
}
"""Width and depths of the Mix Transformers (Xie et al. 2021, arXiv 2105.15203, table 6)."""

PUBLISHED_SETS = ("cityscapes", "ade20k", "coco_stuff10k", "camvid")
"""Closed sets that a number of classes is looked up in. Their configs say how each is evaluated."""


@dataclass(frozen=True)
class Shape:
    """What the shapes of a released checkpoint say of its model.

    Attributes:
        width: channels of the backbone's first stage.
        depths: blocks in each stage.
        channels: of the decoder.
        classes, components, dim: C, M, D.
    """

    width: int
    depths: tuple[int, ...]
    channels: int
    classes: int
    components: int
    dim: int

    def __str__(self) -> str:
        variant = VARIANTS.get((self.width, self.depths), f"of width {self.width} and depths {self.depths}")
        return (
            f"MiT {variant}, decoder of {self.channels} channels, {self.classes} classes,"
            f" {self.components} components each, {self.dim} dimensions"
        )


@dataclass(frozen=True)
class Conversion:
    """What was made of a checkpoint.

    Attributes:
        weights: where our state dict lies.
        config: that evaluates it.
        written: whether ``config`` was written too.
        renamed: released key to ours, of those that changed.
        dropped: released key to the reason.
    """

    weights: Path
    config: Path
    written: bool
    shape: Shape
    renamed: Mapping[str, str]
    dropped: Mapping[str, str]

    def lines(self) -> list[str]:
        """What the command line prints."""
        return [
            f"{self.shape}",
            *(f"{before} -> {after}" for before, after in self.renamed.items()),
            *(f"{key} dropped: {reason}" for key, reason in self.dropped.items()),
            f"wrote {self.weights}",
            f"{'wrote' if self.written else 'fits'} {self.config}",
        ]


def convert_official(checkpoint: Path, out: Path, config: Path | None = None) -> Conversion:
    """Write a released GMMSeg-SegFormer checkpoint as a state dict that ``load_predictor`` reads.

    Args:
        checkpoint: as MMSegmentation 0.22 saved it, or its bare state dict.
        out: where to; beside it goes a config that evaluates it, ``out`` with the suffix .py.
        config: an experiment's config to check against; then none is written.

    Raises:
        InputError: not a checkpoint, not of this model, or not of the config's; lists every key that is missing,
            unexpected or of another shape. Nothing is written then.
    """
    released = read_state_dict(checkpoint, foreign=True)
    beside = out.with_suffix(".py")
    if out == beside or out.is_dir() or (out.exists() and out.samefile(checkpoint)):
        raise InputError(f"cannot write weights to {out}; wanted the name of a new file, for example converted.pth")
    shape = read_shape(released, checkpoint)
    made = read_config(config) if config else make_config(shape, checkpoint)
    text = f"# How to evaluate {out.name}, a released GMMSeg; 'gmmbench convert official' wrote it.\n{made.pretty_text}"
    state, renamed, dropped = rename(released)
    _check(state, made, checkpoint, config)
    if config is None and beside.exists() and beside.read_bytes() != text.encode():
        raise InputError(f"{beside} is there already and is another config; move it, or name another OUT or a --config")
    with atomic_file(out) as file:
        torch.save({key: value.clone() for key, value in state.items()}, file)
    if config is None:
        write_text(beside, text)
    return Conversion(out, config or beside, config is None, shape, renamed, dropped)


def rename(released: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, str], dict[str, str]]:
    """A released state dict in our names; also which keys were renamed, and why some were dropped."""
    state: dict[str, Tensor] = {}
    renamed: dict[str, str] = {}
    dropped: dict[str, str] = {}
    for key, value in released.items():
        name = key.removeprefix(_RELEASED)
        if key.startswith(_RELEASED) and name in DROPPED:
            dropped[key] = DROPPED[name]
        elif key.startswith(_RELEASED) and name in RENAMED:
            renamed[key] = _OURS + RENAMED[name]
            state[renamed[key]] = _value(name, value)
        else:
            state[key] = value
    means = state.get(f"{_OURS}mixture.means")
    if means is not None:
        state[f"{_OURS}mixture.started"] = torch.ones(means.shape[:2], dtype=torch.bool)
    return state, renamed, dropped


def _value(name: str, value: Tensor) -> Tensor:
    if name == "diagonal":  # standard deviations (C, M, D)
        return value.square().flatten(0, 1) if value.dim() == 3 else value
    if name == "iteration_counter":  # (1,) float
        return value.flatten()[0].to(torch.int64)
    return value


def read_shape(released: Mapping[str, Tensor], checkpoint: Path) -> Shape:
    """Infer the model's sizes.

    Raises:
        InputError: a tensor that they are read from is missing; lists all that are.
    """
    stages = range(4)
    blocks = [f"backbone.layers.{stage}.1." for stage in stages]
    first = "backbone.layers.0.0.projection.weight"
    fusion, means = f"{_RELEASED}fusion_conv.conv.weight", f"{_RELEASED}means"
    missing = [key for key in (first, fusion) if key not in released]
    missing += [f"{block}*" for block in blocks if not any(key.startswith(block) for key in released)]
    missing += sorted({_RELEASED + name for name in RENAMED if "projection" not in name} - set(released))
    if missing:
        raise InputError(
            f"{checkpoint} is no released GMMSeg-SegFormer: missing {', '.join(missing)}; wanted what the authors' code"
            f" saves (MixVisionTransformer, SegformerGMMSegHead), got {len(released)} tensors"
            f"{''.join(f', the first {key}' for key in list(released)[:1])}"
        )
    if released[means].dim() != 3:
        raise InputError(f"{checkpoint}: {means} is {tuple(released[means].shape)}; wanted (C, M, D)")
    depths = tuple(len({key.split(".")[4] for key in released if key.startswith(block)}) for block in blocks)
    return Shape(len(released[first]), depths, len(released[fusion]), *released[means].shape)


def make_config(shape: Shape, checkpoint: Path) -> Config:
    """The model, and how it is evaluated on the closed set that has as many classes.

    Raises:
        InputError: the backbone is none of MiT-B0 to B5, or no published closed set has so many classes.
    """
    sizes = {name: len(CLOSED_SETS[name].classes) for name in PUBLISHED_SETS}
    closed = next((name for name, classes in sizes.items() if classes == shape.classes), None)
    if closed is None:
        listed = ", ".join(f"{classes} ({name})" for name, classes in sizes.items())
        raise InputError(
            f"{checkpoint} has {shape.classes} classes, those of no closed set here: {listed}; name one by --config"
        )
    variant = VARIANTS.get((shape.width, shape.depths))
    if variant is None:
        listed = ", ".join(f"{width} and {depths} ({name})" for (width, depths), name in VARIANTS.items())
        raise InputError(
            f"{checkpoint} has a backbone of width {shape.width} and depths {shape.depths}; known: {listed}; keys may"
            " be missing, or name a config by --config"
        )
    config = read_config(CONFIGS / closed / f"segformer_{variant.lower()}_gmm.py").to_dict()
    model = config["model"]
    model["backbone"].pop("init_cfg", None)
    model["decode_head"]["channels"] = shape.channels
    model["classifier"] = {"preset": "official", "components": shape.components, "dim": shape.dim}
    return Config({"model": model, "evaluation": config["evaluation"]})


def _check(state: Mapping[str, Tensor], config: Config, checkpoint: Path, named: Path | None) -> None:
    """Compare with the model of ``config``, and list every difference in the released names."""
    where = f"the model of {named}" if named else "the released model of these sizes"
    init_default_scope("mmseg")
    model = MODELS.build(for_prediction(config.model))
    _check_options(getattr(model, "classifier", None), where)
    wanted = lasting(model.state_dict())
    released = {_OURS + ours: _RELEASED + name for name, ours in RENAMED.items()}
    faults = {
        "missing": sorted(released.get(key, key) for key in wanted if key not in state),
        "unexpected": sorted(released.get(key, key) for key in state if key not in wanted),
        "of another shape": [
            f"{released.get(key, key)} {_size(key, state)}, wanted {_size(key, wanted)}"
            for key, value in state.items()
            if key in wanted and value.shape != wanted[key].shape
        ],
        "not finite": [released.get(key, key) for key, value in state.items() if not torch.isfinite(value).all()],
    }
    listed = [f"{len(keys)} {kind}: {', '.join(keys)}" for kind, keys in faults.items() if keys]
    if listed:
        raise InputError(f"{checkpoint} does not fit {where}; {'; '.join(listed)}")


def _size(key: str, state: Mapping[str, Tensor]) -> tuple[int, ...]:
    """The shape of one of our tensors as the released code has it."""
    size = tuple(state[key].shape)
    if not key.endswith("covariance.variances") or len(size) != 2:
        return size
    components = state[f"{_OURS}mixture.means"].shape[1]
    return size[0] // components, components, size[1]


def _check_options(classifier: object, where: str) -> None:
    """Keys and shapes do not show all: the same tensors mean another model under other options."""
    if not isinstance(classifier, GMMClassifier):
        raise InputError(f"{where} has no GMM classifier; wanted model.classifier=dict(preset='official', ...)")
    decisive = ("relu", "layer_norm", "unit", "covariance", "class_density", "posterior")
    official = PRESETS["official"]
    other: list[str] = []
    for field in fields(classifier.options):
        got: Any = getattr(classifier.options, field.name)
        if field.name in decisive and got != official[field.name]:
            other.append(f"{field.name} {got!r} instead of {official[field.name]!r}")
    if other:
        raise InputError(f"{where} is not the released one: {', '.join(other)}; set model.classifier.preset='official'")
