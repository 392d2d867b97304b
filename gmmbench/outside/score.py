"""A score that somebody else wrote."""

from __future__ import annotations

import inspect
from functools import wraps
from typing import Any

from torch import Tensor

from gmmbench.errors import InputError
from gmmbench.outside.checks import tensor_of
from gmmbench.outside.load import load_object
from gmmbench.prediction import Prediction
from gmmbench.scores import Score, with_options


def outside_score(spec: str) -> Score:
    """The score that ``package.module:function`` computes of whole predictions, each result checked.

    The function takes a ``Prediction`` and gives (H, W), higher = more anomalous, a torch tensor or numpy array of any
    floating type. Its keyword arguments with plain defaults are the score's options, set as in
    ``package.module:function@key=value``. It may read any field; what the model does not give is ``None``.

    Raises:
        InputError: no such function or option; on call, a result that is no map of the image.
    """
    name, *changes = spec.split("@")
    function = load_object(name)

    @wraps(function)
    def compute(prediction: Prediction, **options: Any) -> Tensor:
        size = tuple(prediction.logits.shape[1:])
        where = f"score {spec}, image of {size[1]}x{size[0]} (width x height)"
        scores = tensor_of(function(prediction, **options), where)
        if tuple(scores.shape) != size:
            raise InputError(f"{where}: scores of shape {tuple(scores.shape)}; wanted (H, W) = {size}")
        return scores.detach().float()

    lines = (inspect.getdoc(function) or "").strip().splitlines()
    score = Score(compute, "logits", f"{spec}{': ' + lines[0] if lines else ''}", whole=True)
    return with_options(name, score, changes)
