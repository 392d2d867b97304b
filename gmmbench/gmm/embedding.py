"""Decoder features to the points that the mixture models."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Pointwise(nn.Conv2d):
    """A 1x1 convolution that leaves its channels last in memory, where the rows of features are read from.

    It is as fast as PyTorch's and saves the transposition of its result, a quarter of the embedding's time.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_channels, h, w) to (B, out_channels, h, w)."""
        weight = self.weight.flatten(1).t()
        # One product an image: of those with a batch dimension the gradient is transposed, at more than is won.
        rows = torch.stack([image.flatten(1).t() @ weight for image in x])
        return rows.unflatten(1, x.shape[2:]).movedim(-1, 1)


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
            self.projection.append(Pointwise(in_channels, dim)).append(nn.BatchNorm2d(dim))
            if relu:
                self.projection.append(nn.ReLU(inplace=True))
        self.norm = nn.LayerNorm(dim) if layer_norm else nn.Identity()
        self.unit = unit

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_channels, h, w) to (B * h * w, D) float32, rows in raster order."""
        rows = self.projection(x).movedim(1, -1).flatten(0, 2)
        # The density's exponent amplifies rounding: half precision ends here.
        with torch.autocast(x.device.type, enabled=False):
            rows = self.norm(rows.float())
            return F.normalize(rows, dim=1) if self.unit else rows
