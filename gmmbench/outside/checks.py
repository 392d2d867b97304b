"""What came back from code that is not ours, held against what was asked of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from gmmbench.errors import InputError
from gmmbench.prediction import Committee, Head, Prediction


def tensor_of(values: object, where: str) -> Tensor:
    """A tensor of a floating type; of a numpy array a copy."""
    if isinstance(values, np.ndarray) and values.dtype.kind in "biuf":
        if not values.dtype.isnative or values.dtype.itemsize > 8:  # torch knows neither
            values = values.astype(np.float64)
        values = torch.tensor(values.copy())  # ascontiguousarray would leave a negative stride of a side of 1
    if not isinstance(values, Tensor):
        raise InputError(f"{where}: got a {type(values).__name__}; wanted a torch tensor or a numpy array of numbers")
    if not values.is_floating_point():
        raise InputError(f"{where}: got values of type {values.dtype}; wanted a floating type, no class numbers")
    return values


def prediction_of(answer: object, size: tuple[int, int], where: str) -> Prediction:
    """Logits (C, h, w) of an image of ``size``, a tensor or a numpy array, as a prediction of it."""
    if not isinstance(answer, (Tensor, np.ndarray)):
        raise InputError(f"{where}: got a {type(answer).__name__}; wanted a Prediction, or (C, H, W) logits")
    maps = tensor_of(answer, where)
    if maps.dim() != 3 or 0 in maps.shape:
        hint = "; of a batch of one give [0]" if maps.dim() == 4 and len(maps) == 1 else ""
        raise InputError(f"{where}: got an array of shape {tuple(maps.shape)}; wanted (C, H, W) logits{hint}")
    maps = maps.detach().float()
    if maps.shape[1:] != size:
        maps = F.interpolate(maps[None], size=size, mode="bilinear", align_corners=False)[0]
    return Prediction(maps)


def check_head(head: object, where: str) -> Head:
    """A ``Head`` of two tensors that fit each other, out of any graph."""
    _check_kind(head, Head, where)
    assert isinstance(head, Head)
    for name, values, dim in (("weight", head.weight, 2), ("bias", head.bias, 1)):
        if not isinstance(values, Tensor) or values.dim() != dim:
            kind = f"of shape {tuple(values.shape)}" if isinstance(values, Tensor) else f"a {type(values).__name__}"
            raise InputError(f"{where}.{name} is {kind}; wanted a torch tensor, weight (C, D) and bias (C,)")
    return Head(head.weight.detach(), head.bias.detach())


def detached(prediction: Prediction) -> Prediction:
    """The same out of any graph, in which scores could not write: a model may leave its gradients on."""
    if not any(isinstance(part, Tensor) and part.requires_grad for part in _parts(prediction)):
        return prediction
    return Prediction(**{field.name: _detached(getattr(prediction, field.name)) for field in fields(Prediction)})


def _parts(prediction: Prediction) -> Iterator[object]:
    for field in fields(Prediction):
        value = getattr(prediction, field.name)
        yield from (vars(value).values() if isinstance(value, (Head, Committee)) else [value])


def _detached(value: Any) -> Any:
    if isinstance(value, (Head, Committee)):
        return type(value)(*(part.detach() for part in vars(value).values()))
    return None if value is None else value.detach()


def _check_kind(value: object, kind: type, where: str) -> None:
    if not isinstance(value, kind):
        raise InputError(f"{where} is a {type(value).__name__}; wanted a gmmbench.prediction.{kind.__name__}")


def check(prediction: Prediction, size: tuple[int, int], where: str) -> None:
    """Shapes, types and finiteness of all fields."""
    logits: object = prediction.logits
    classes = logits.shape[0] if isinstance(logits, Tensor) and logits.dim() else 0
    maps, one = (classes, *size), size
    named: dict[str, tuple[Tensor | None, tuple[int, ...] | None]] = {
        "logits": (prediction.logits, maps),
        "density": (prediction.density, maps),
        "features": (prediction.features, None),
        "void": (prediction.void, one),
        "perturbed": (prediction.perturbed, maps),
    }
    for name, committee in (("dropout", prediction.dropout), ("ensemble", prediction.ensemble)):
        if committee is not None:
            _check_kind(committee, Committee, f"{where}: {name}")
            named |= {f"{name}.posterior": (committee.posterior, maps), f"{name}.entropy": (committee.entropy, one)}
    head, features = prediction.head, prediction.features
    if head is not None:
        check_head(head, f"{where}: head")
        width = features.shape[0] if isinstance(features, Tensor) and features.dim() == 3 else head.weight.shape[1]
        wanted = classes, width
        named |= {"head.weight": (head.weight, wanted), "head.bias": (head.bias, (classes,))}
    for name, (values, shape) in named.items():
        if values is None:
            continue
        if not isinstance(values, Tensor) or values.dtype != torch.float32:
            kind = values.dtype if isinstance(values, Tensor) else type(values).__name__
            raise InputError(f"{where}: {name} is of type {kind}; wanted a float32 torch tensor")
        if 0 in values.shape or (values.dim() != 3 if shape is None else tuple(values.shape) != shape):
            raise InputError(f"{where}: {name} of shape {tuple(values.shape)}; wanted {shape or '(D, h, w)'}")
        if values.device != prediction.logits.device:
            raise InputError(f"{where}: {name} on {values.device}, logits on {prediction.logits.device}; wanted one")
        if not torch.isfinite(values).all():
            raise InputError(f"{where}: {name} has values that are not finite; is the model whole?")
