"""Any timm model as a backbone of MMSegmentation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor

from gmmbench.errors import InputError
from gmmbench.models.compat import ensure_torchvision
from gmmbench.models.weights import read_state_dict


@MODELS.register_module()
class TimmFeatures(BaseModule):
    """A timm model in ``features_only`` form: an image to a list of feature maps, fine to coarse.

    Args:
        name: a timm model name (https://huggingface.co/timm).
        out_indices: which stages to give, timm's numbering.
        weights: ``None`` for a random start, ``"timm"`` for timm's own download, or the path of a
            local state dict in timm's keys (a classifier's keys in it are left aside).
        options: passed on to ``timm.create_model``.

    Raises:
        InputError: an unknown name, or weights that do not fit.
    """

    def __init__(self, name: str, out_indices: tuple[int, ...], weights: str | None = None, **options: Any) -> None:
        super().__init__()
        ensure_torchvision()
        import timm

        if not timm.is_model(name):
            near = timm.list_models(f"*{name.split('_')[0]}*")[:5]
            raise InputError(f"unknown timm backbone '{name}'; similar: {', '.join(near) or 'none'}")
        try:
            self.body = timm.create_model(
                name, features_only=True, out_indices=tuple(out_indices), pretrained=weights == "timm", **options
            )
        except OSError as error:
            if weights != "timm":
                raise
            raise InputError(
                f"timm's weights of '{name}' cannot be downloaded ({type(error).__name__}); connect to the internet, or"
                " name a file of them with --set model.backbone.weights=FILE, or None to start from random ones"
            ) from error
        self.channels: list[int] = self.body.feature_info.channels()
        if weights not in (None, "timm"):
            self._load(Path(weights))

    def init_weights(self) -> None:
        """Nothing: timm initialised or loaded the weights when it built the model."""

    def forward(self, image: Tensor) -> list[Tensor]:
        """(B, 3, H, W) to one (B, channels[i], H / stride, W / stride) per stage asked for."""
        return list(self.body(image))

    def _load(self, path: Path) -> None:
        state = read_state_dict(path)
        # timm flattens some models' features ("blocks.0" becomes "blocks_0"), others not.
        wanted = self.body.state_dict()
        plain = {key.replace(".", "_"): key for key in wanted}
        found = {plain[key.replace(".", "_")]: value for key, value in state.items() if key.replace(".", "_") in plain}
        missing = sorted(set(wanted) - set(found))
        wrong = sorted(key for key in found if found[key].shape != wanted[key].shape)
        if missing or wrong:
            raise InputError(
                f"{path} does not fit backbone: {len(missing)} of {len(wanted)} keys missing"
                f"{f' (first: {missing[0]})' if missing else ''}, {len(wrong)} of another shape"
                f"{f' (first: {wrong[0]})' if wrong else ''}; wanted a state dict in timm's keys"
            )
        with torch.no_grad():
            self.body.load_state_dict(found)
