"""A density for a model that was trained without one: a mixture of Gaussians over its frozen features."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gmmbench.atomic import atomic_file
from gmmbench.errors import InputError
from gmmbench.gmm.mixture import Mixture
from gmmbench.models.weights import read_checkpoint

KIND = "gmmbench post-hoc mixture"


class PostHoc(nn.Module):
    """Class densities of features, after Lee et al. 2018 (arXiv 1807.03888), who take one tied Gaussian a class.

    Args:
        classes, components, dim: C, M, D.
        covariance: "diag", "low_rank", "full" or "tied".
        unit: features are brought to unit length first. Their means are then inside the sphere.
        floor: added to variances, in squared units of the features, after ``unit``.
    """

    def __init__(self, classes: int, components: int, dim: int, *, covariance: str, unit: bool, floor: float) -> None:
        super().__init__()
        self.options = {
            "classes": classes, "components": components, "dim": dim,
            "covariance": covariance, "unit": unit, "floor": floor,
        }  # fmt: skip
        self.unit = unit
        self.mixture = Mixture(classes, components, dim, covariance=covariance, unit=False, floor=floor)

    def embed(self, rows: Tensor) -> Tensor:
        """(N, D) features as the mixture reads them."""
        return F.normalize(rows, dim=1) if self.unit else rows

    def forward(self, features: Tensor) -> Tensor:
        """(D, h, w) features of one image to (C, h, w) log p(x | class) in nats, float32.

        The mixture of a class's components, uniform weights. A class that the fit saw no pixel of is as unlikely as
        the least likely of the others: no density for an anomaly to hide under.
        """
        started = self.mixture.started
        logs = self.mixture(self.embed(features.float().flatten(1).t()))
        logs = torch.where(started, logs, -torch.inf).logsumexp(dim=2) - started.sum(dim=1).clamp(min=1).log()
        seen = started.any(dim=1)
        density = torch.where(seen, logs, logs[:, seen].amin(dim=1, keepdim=True))
        return density.t().reshape(-1, *features.shape[1:])


def save_posthoc(posthoc: PostHoc, path: Path, about: Mapping[str, Any]) -> None:
    """Write, whole or not at all; ``about`` is plain values, with "checkpoint" and "checkpoint_sha256"."""
    content = {
        "kind": KIND,
        "options": posthoc.options,
        "state_dict": {key: value.cpu() for key, value in posthoc.state_dict().items()},
        "about": dict(about),
    }
    with atomic_file(path) as file:
        torch.save(content, file)


def load_posthoc(path: Path, checkpoint: Path, checkpoint_sha256: str) -> tuple[PostHoc, dict[str, Any]]:
    """The mixture that ``save_posthoc`` wrote, and what it says about itself.

    Args:
        checkpoint, checkpoint_sha256: of the model that it is to be used with.

    Raises:
        InputError: not such a file, or fitted to the features of another checkpoint.
    """
    content = read_checkpoint(path)
    if content.get("kind") != KIND:
        raise InputError(f"{path} holds no post-hoc mixture; wanted a file that 'gmmbench fit-gmm' wrote")
    about: dict[str, Any] = content["about"]
    if about["checkpoint_sha256"] != checkpoint_sha256:
        raise InputError(
            f"{path} was fitted to the features of {about['checkpoint']} (SHA-256 {about['checkpoint_sha256'][:12]}),"
            f" not of {checkpoint} ({checkpoint_sha256[:12]}); run 'gmmbench fit-gmm' on this checkpoint"
        )
    posthoc = PostHoc(**content["options"])
    posthoc.load_state_dict(content["state_dict"])
    return posthoc.eval(), about
