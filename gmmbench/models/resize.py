"""From a network's resolution to the image's."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F


def at_size(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """(C, h, w) to (C, H, W) float32 on the same device, bilinearly with align_corners=False.

    On a CPU OpenCV does it, five times as fast as PyTorch and nearer to the exact values: PyTorch rounds places in
    the map to float32 before it takes the fraction between two cells. Between them lie some 1e-6 of the difference
    of neighbouring cells for each cell that the map is wide. No gradient passes.
    """
    if maps.shape[1:] == size:
        return maps.float()
    if maps.device.type != "cpu":
        return F.interpolate(maps[None].float(), size=size, mode="bilinear", align_corners=False)[0]
    import cv2

    cells = maps.detach().float().contiguous().numpy()
    made = np.empty((len(cells), *size), dtype=np.float32)
    for source, target in zip(cells, made, strict=True):
        cv2.resize(source, size[::-1], dst=target, interpolation=cv2.INTER_LINEAR)
    return torch.from_numpy(made)
