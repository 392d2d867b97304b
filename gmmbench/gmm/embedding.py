"""Decoder features to the points that the mixture models."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Embedding(nn.Module):
    """1x1 convolution and batch norm, then what is asked for of ReLU, LayerNorm and L2 norm.

    GMMSeg as released asks for all three, so its features lie on the unit sphere. Where the decoder
    already has ``dim`` channels nothing is projected, as released.

    Args:
        in_channels: of the decoder's last feature map.
        dim: D, of the mixture.
        relu, layer_norm, unit: ReLU after the batch norm, LayerNorm over channels, L2 norm.
    """

    def __init__(self, in_channels: int, dim: int, *, relu: bool, layer_norm: bool, unit: bool) -> None:
        super().__init__()
        self.projection = nn.Sequential()
        if in_channels != dim:
            self.projection.append(nn.Conv2d(in_channels, dim, 1, bias=False)).append(nn.BatchNorm2d(dim))
            if relu:
                self.projection.append(nn.ReLU(inplace=True))
        self.norm = nn.LayerNorm(dim) if layer_norm else nn.Identity()
        self.unit = unit

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_channels, h, w) to (B * h * w, D) float32, rows in raster order."""
        rows = raster_rows(self.projection(x))
        # The density's exponent amplifies rounding: half precision ends here.
        with torch.autocast(x.device.type, enabled=False):
            rows = self.norm(rows.float())
            return F.normalize(rows, dim=1) if self.unit else rows


def raster_rows(x: Tensor) -> Tensor:
    """(B, D, h, w) to (B * h * w, D)."""
    if torch.compiler.is_compiling():
        return x.movedim(1, -1).flatten(0, 2)  # a graph for any number of images cannot go through them one by one
    # PyTorch transposes a matrix by blocks, and anything of more dimensions element by element, in twice the time.
    return torch.cat([image.flatten(1).t().contiguous() for image in x])
