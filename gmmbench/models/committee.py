"""Several opinions of one image: passes with dropout, or several models."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gmmbench.errors import InputError
from gmmbench.models.contract import Around, Model, innermost
from gmmbench.models.inside import known_logits, network_of
from gmmbench.prediction import Committee, Prediction


def committee(opinions: Iterable[Tensor]) -> Committee:
    """Of the (C, H, W) logits of at least one member; they are looked at one after another and not kept."""
    posterior = entropy = None
    members = 0
    for logits in opinions:
        shares = logits.softmax(dim=0)
        surprise: Tensor = torch.special.entr(shares).sum(dim=0)
        posterior = shares if posterior is None else posterior.add_(shares)
        entropy = surprise if entropy is None else entropy.add_(surprise)
        members += 1
    assert posterior is not None
    assert entropy is not None
    return Committee(posterior.div_(members), entropy.div_(members))


@dataclass(frozen=True)
class WithDropout(Around):
    """Adds ``Prediction.dropout``, passes with dropout on (Mukhoti and Gal 2018, arXiv 1811.12709).

    Dropout and drop path are as in training, everything else (batch norm) as in evaluation. The random numbers of
    an image depend on ``seed`` and its pixels, so that results do not depend on the order of images. The other
    fields are those of the model inside, from a pass without dropout.

    Attributes:
        passes: at least 1; each costs a forward.
        seed: at least 0.

    Raises:
        InputError: nothing in the model drops out, the model inside is not one of ours, or no pass is asked for.
    """

    passes: int
    seed: int

    def __post_init__(self) -> None:
        if self.passes < 1 or self.seed < 0:
            raise InputError(
                f"{self.passes} dropout passes with seed {self.seed}; wanted at least 1, and a seed from 0"
            )
        if not stochastic(network_of(self.predictor, "dropout").model):
            raise InputError(
                "nothing in this model drops out (no dropout or drop path with a rate above 0); for dropout passes"
                " train it with one, for example --set model.decode_head.dropout_ratio=0.1"
            )

    @property
    def gives(self) -> frozenset[str]:
        """Also "dropout"."""
        return self.predictor.gives | {"dropout"}

    @property
    def network_input(self) -> str:
        """Also the passes."""
        return f"{self.predictor.network_input}; {self.passes} dropout passes, seed {self.seed}"

    @torch.inference_mode()
    def __call__(self, image: NDArray[np.uint8]) -> Prediction:
        """Predict without dropout, then with."""
        prediction = self.predictor(image)
        network = network_of(self.predictor, "dropout")
        device = torch.device(network.device)
        with dropping(network.model), torch.random.fork_rng([device] if device.type == "cuda" else []):
            torch.manual_seed(seed_of(image, self.seed))
            passes = (known_logits(network, image) for _ in range(self.passes))
            return replace(prediction, dropout=committee(passes))


@dataclass(frozen=True)
class WithEnsemble(Around):
    """Adds ``Prediction.ensemble`` (Lakshminarayanan et al. 2017, arXiv 1612.01474).

    The first member is the model inside, whose prediction has all other fields. Each sees the image as it is used to;
    what is averaged are posteriors at label resolution.

    Attributes:
        members: the others, at least one.

    Raises:
        InputError: no other member, or one of other classes.
    """

    members: tuple[Model, ...]

    def __post_init__(self) -> None:
        if not self.members:
            raise InputError("an ensemble of one model; wanted at least one more checkpoint")
        for number, member in enumerate(self.members, start=2):
            for what in ("num_classes", "closed_set"):
                first, other = getattr(self.predictor, what), getattr(member, what)
                if first is not None and other is not None and first != other:
                    raise InputError(
                        f"member {number} of the ensemble has {what} {other}, the first has {first}; wanted models of"
                        " the same classes"
                    )

    @property
    def gives(self) -> frozenset[str]:
        """Also "ensemble"."""
        return self.predictor.gives | {"ensemble"}

    @property
    def network_input(self) -> str:
        """Also how many there are, and how they see an image where they differ."""
        own = innermost(self.predictor).network_input
        others = dict.fromkeys(each.network_input for each in self.members if each.network_input != own)
        seen = "".join(f"; of them some see: {other}" for other in others)
        return f"{self.predictor.network_input}; ensemble of {len(self.members) + 1} models{seen}"

    @torch.inference_mode()
    def __call__(self, image: NDArray[np.uint8]) -> Prediction:
        """Predict with each."""
        prediction = self.predictor(image)
        return replace(prediction, ensemble=committee(self._opinions(prediction.logits, image)))

    def _opinions(self, first: Tensor, image: NDArray[np.uint8]) -> Iterator[Tensor]:
        yield first
        for number, member in enumerate(self.members, start=2):
            logits = member(image).logits.to(first.device)
            if logits.shape != first.shape:
                raise InputError(
                    f"member {number} of the ensemble gives logits {tuple(logits.shape)}, the first"
                    f" {tuple(first.shape)}; wanted models of the same classes"
                )
            yield logits


def stochastic(model: nn.Module) -> list[nn.Module]:
    """The modules that drop out in training and lie on the way of a prediction: not those of an auxiliary head."""
    aside = getattr(model, "auxiliary_head", None)
    left_out = set(aside.modules()) if isinstance(aside, nn.Module) else set()
    return [module for module in model.modules() if module not in left_out and _rate(module) > 0]


def _rate(module: nn.Module) -> float:
    """The share that a module itself drops in training; 0 of one that drops nothing."""
    if isinstance(module, nn.modules.dropout._DropoutNd):
        return module.p
    if isinstance(module, nn.MultiheadAttention):
        return float(module.dropout)
    return float(getattr(module, "drop_prob", None) or 0)  # drop path of timm and of MMCV


@contextmanager
def dropping(model: nn.Module) -> Iterator[None]:
    """Inside the block dropout is on, whatever else is; after it all is as before, also after an error."""
    before = [(module, module.training) for module in stochastic(model)]
    try:
        for module, _ in before:
            module.training = True  # not train(): what lies inside an attention is no dropout
        yield
    finally:
        for module, training in before:
            module.training = training


def seed_of(image: NDArray[np.uint8], seed: int) -> int:
    """63 bits that depend on ``seed`` and the image's size and pixels."""
    digest = hashlib.blake2b(f"{seed} {image.shape}".encode(), digest_size=8)
    digest.update(np.ascontiguousarray(image).data)
    return int.from_bytes(digest.digest(), "big") >> 1
