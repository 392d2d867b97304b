"""A model that somebody else wrote."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gmmbench.errors import InputError, unknown_name
from gmmbench.outside.checks import check, check_head, detached, prediction_of
from gmmbench.outside.load import load_object
from gmmbench.prediction import Head, Prediction

NOT_SAID = "not said"
"""The device of a model that does not tell."""

FIELDS = tuple(field.name for field in fields(Prediction))


class OutsidePredictor:
    """A model that somebody else wrote, checked at every image.

    Args:
        predict: an (H, W, 3) uint8 RGB image to a ``Prediction``, or to (C, h, w) logits as a torch tensor or numpy
            array of any floating type, which are brought to (C, H, W) float32 bilinearly (align_corners=False).
            Its attributes ``gives``, ``head``, ``network_input``, ``name``, ``closed_set``, ``classes``,
            ``generative`` and ``device`` are read where it has them.
        spec: where it comes from, for messages and results.
        code_sha256: of the file it was written in, where there is one.

    Raises:
        InputError: an attribute that makes no sense.
    """

    def __init__(self, predict: Callable[[NDArray[np.uint8]], Any], spec: str, code_sha256: str | None) -> None:
        self._predict, self.spec, self.code_sha256 = predict, spec, code_sha256
        self.name = str(getattr(predict, "name", spec))
        self.closed_set: str | None = getattr(predict, "closed_set", None)
        if not isinstance(self.closed_set, str | None):
            raise InputError(f"{spec}: closed_set is {self.closed_set!r}; wanted a name of 'gmmbench data ls'")
        self.classes: tuple[str, ...] | None = self._classes()
        self.num_classes: int | None = None if self.classes is None else len(self.classes)
        self.generative = bool(getattr(predict, "generative", False))
        self.network_input = str(getattr(predict, "network_input", f"as {spec} does it"))
        self.device = str(getattr(predict, "device", NOT_SAID))
        self.head = self._head()
        self.gives = self._gives()

    @property
    def config_sha256(self) -> str | None:
        """``code_sha256``: the code is the config."""
        return self.code_sha256

    def __call__(self, image: NDArray[np.uint8]) -> Prediction:
        """Predict; float32 tensors at the image's resolution, on the device that the model gave them on.

        Raises:
            InputError: what came back is no prediction of that image; says what it is and the image's size.
        """
        with torch.no_grad():
            answer = self._predict(image.copy())  # what it does to it is its own business
            size = image.shape[0], image.shape[1]
            where = f"{self.spec}, image of {size[1]}x{size[0]} (width x height)"
            prediction = answer if isinstance(answer, Prediction) else prediction_of(answer, size, where)
            if prediction.head is None and self.head is not None and isinstance(prediction.logits, Tensor):
                device = prediction.logits.device
                prediction = replace(prediction, head=Head(self.head.weight.to(device), self.head.bias.to(device)))
        check(prediction, size, where)
        missing = sorted(name for name in self.gives if getattr(prediction, name) is None)
        if missing:
            raise InputError(f"{where}: gives {', '.join(sorted(self.gives))}, but the prediction has no {missing[0]}")
        classes = len(prediction.logits)
        if self.num_classes not in (None, classes):
            raise InputError(f"{where}: logits of {classes} classes; wanted {self.num_classes}, as before")
        self.num_classes = classes
        return detached(prediction)

    def _classes(self) -> tuple[str, ...] | None:
        classes = getattr(self._predict, "classes", None)
        if classes is None:
            return None
        listed = isinstance(classes, Iterable) and not isinstance(classes, str)
        if not listed or not all(isinstance(name, str) for name in classes):
            raise InputError(f"{self.spec}: classes is {classes!r}; wanted a sequence of names, in the order of logits")
        return tuple(classes)

    def _head(self) -> Head | None:
        head = getattr(self._predict, "head", None)
        return None if head is None else check_head(head, f"{self.spec}: head")

    def _gives(self) -> frozenset[str]:
        declared = getattr(self._predict, "gives", ())
        if isinstance(declared, str) or not isinstance(declared, Iterable):
            kind = "the text " if isinstance(declared, str) else ""
            raise InputError(f"{self.spec}: gives is {kind}{declared!r}; wanted a set of field names")
        declared = tuple(declared)
        for name in declared:
            if name not in FIELDS:
                raise unknown_name(f"field in gives of {self.spec}:", str(name), FIELDS)
        return frozenset(declared) | {"logits"} | ({"head"} if self.head is not None else set())


def outside_predictor(spec: str, arguments: Mapping[str, str] | None = None) -> OutsidePredictor:
    """The model that ``package.module:factory`` makes.

    Args:
        arguments: passed to the factory by keyword, as texts.

    Raises:
        InputError: no such factory, arguments that it does not take, or what it gives is no function of an image.
    """
    factory, arguments = load_object(spec), dict(arguments or {})
    try:
        signature = inspect.signature(factory)
    except ValueError:  # some built-in types tell nobody
        signature = None
    if signature is not None:
        try:
            signature.bind(**arguments)
        except TypeError as error:
            raise InputError(
                f"{spec} does not take these arguments ({error}); it takes {signature}; give them by"
                " --predictor-arg KEY=VALUE"
            ) from error
    predict = factory(**arguments)
    if not callable(predict):
        raise InputError(f"{spec} gave a {type(predict).__name__}; wanted a function of an image")
    return OutsidePredictor(predict, spec, _code_sha256(factory))


def _code_sha256(factory: Callable[..., Any]) -> str | None:
    try:
        file = inspect.getsourcefile(inspect.unwrap(factory))
    except TypeError:  # an object, of a class that may be anywhere
        file = None
    return hashlib.sha256(Path(file).read_bytes()).hexdigest() if file and Path(file).is_file() else None
