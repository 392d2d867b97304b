"""A model that gives what was asked for beyond logits."""

from __future__ import annotations

from collections.abc import Sequence

from gmmbench.models.committee import WithDropout, WithEnsemble
from gmmbench.models.contract import Model
from gmmbench.models.flip import Flipped
from gmmbench.models.perturbed import WithPerturbed


def equipped(
    predictor: Model,
    *,
    perturbed: tuple[float, float] | None = None,
    dropout: tuple[int, int] | None = None,
    members: Sequence[Model] = (),
    flip: bool = False,
) -> Model:
    """The model with each part that was asked for; without any it is ``predictor`` itself, and costs nothing.

    Args:
        perturbed: temperature and epsilon of ``WithPerturbed``.
        dropout: passes and seed of ``WithDropout``.
        members: of ``WithEnsemble``, beside ``predictor``.
        flip: averages all of that over the image and its mirror image.

    Raises:
        InputError: a part that this model cannot be given.
    """
    model = predictor
    if perturbed is not None:
        model = WithPerturbed(model, *perturbed)
    if dropout is not None:
        model = WithDropout(model, *dropout)
    if members:
        model = WithEnsemble(model, tuple(members))
    return Flipped(model) if flip else model
