"""What the libraries below us need before they import cleanly, and what they must not do."""

from __future__ import annotations

import io
import sys
import warnings
from contextlib import redirect_stdout
from functools import partial
from types import SimpleNamespace
from typing import Any

_torchvision_ops: Any = None
"""Keeps the operator definitions below alive; dropping the library would undefine them."""


def ensure_torchvision() -> None:
    """Make ``import torchvision`` work beside a CPU build of torch from another index.

    PyPI's torchvision wheels link the CUDA libraries. Next to a CPU torch their operators fail to
    load, and importing torchvision raises ``operator torchvision::nms does not exist``; timm and
    mmengine's Runner import it. gmmbench uses none of those operators, so declaring them is enough.
    Where torchvision loads, nothing is done.
    """
    global _torchvision_ops
    try:
        import torchvision
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
        import torch

        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        _torchvision_ops = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
        for operator in ("nms", "qnms"):
            _torchvision_ops.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        import torchvision  # noqa: F401


def prepare_mmseg() -> None:
    """Import MMSegmentation quietly, and keep it from installing packages.

    ``mmseg::...`` base configs are looked up under the distribution's name, which in the onedl build
    differs from the import name; on a miss ``mmengine.hub`` would run ``pip install`` by itself.
    """
    ensure_torchvision()
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
        # They speak of parts that are absent on purpose: MMCV's compiled operators, which no model here
        # needs, and the service of the company behind the onedl builds.
        warnings.simplefilter("ignore")
        import mmengine.config.utils
        import mmengine.hub.hub
        import mmengine.utils.package_utils
        import mmseg.datasets
        import mmseg.models  # noqa: F401

    mmengine.config.utils.MODULE2PACKAGE["mmseg"] = "onedl-mmsegmentation"

    def refuse(package: str) -> None:
        raise ModuleNotFoundError(f"a config asks for the package '{package}', which is not installed")

    for module in (mmengine.utils.package_utils, mmengine.hub.hub, mmengine.config.config, mmengine.utils):
        if hasattr(module, "install_package"):
            module.install_package = refuse
    _choose_checkpointing()


def _choose_checkpointing() -> None:
    """Say which gradient checkpointing is meant by ``with_cp=True``; MMSegmentation does not, and PyTorch warns.

    The one without re-entrance: it gives gradients where a block's input needs none, and works beside
    ``DistributedDataParallel`` whether or not that looks for unused parameters.
    """
    import torch.utils.checkpoint

    chosen = SimpleNamespace(checkpoint=partial(torch.utils.checkpoint.checkpoint, use_reentrant=False))
    for name, module in list(sys.modules.items()):
        if name.startswith("mmseg.models.") and vars(module).get("cp") is torch.utils.checkpoint:
            setattr(module, "cp", chosen)  # noqa: B010  (an attribute that the type of a module has not)
