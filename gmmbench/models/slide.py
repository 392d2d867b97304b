"""Sliding windows: a network sees an image in overlapping pieces, whose outputs are averaged where they overlap."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from torch import Tensor

from gmmbench.errors import InputError
from gmmbench.models.resize import at_size


class Outputs(NamedTuple):
    """What a network says of one image or window, float32.

    Attributes:
        logits: (C, h, w).
        density: (C, h, w), log p(x | class) in nats, or ``None``.
        features: (D, h', w').
    """

    logits: Tensor
    density: Tensor | None
    features: Tensor


class Window(NamedTuple):
    """Size of a window and the step from one to the next, in pixels of the network's input: (rows, columns)."""

    size: tuple[int, int]
    stride: tuple[int, int]


def window_of(test_cfg: Mapping[str, Any]) -> Window | None:
    """What MMSegmentation's ``test_cfg`` asks for; ``None``: the image as a whole.

    Raises:
        InputError: another mode, or a crop_size and stride that do not tile an image.
    """
    mode = test_cfg.get("mode", "whole")
    if mode == "whole":
        return None
    if mode != "slide":
        raise InputError(f"test_cfg.mode is '{mode}'; wanted 'whole' or 'slide'")
    size, stride = _pair(test_cfg.get("crop_size")), _pair(test_cfg.get("stride"))
    if size is None or stride is None or stride[0] > size[0] or stride[1] > size[1]:
        raise InputError(
            f"test_cfg: mode='slide' came with crop_size={test_cfg.get('crop_size')} and"
            f" stride={test_cfg.get('stride')}; wanted two whole numbers each, (rows, columns), the stride at most the"
            " crop; for example crop_size=(768, 768), stride=(512, 512)"
        )
    return Window(size, stride)


def _pair(value: Any) -> tuple[int, int] | None:
    if not isinstance(value, (tuple, list)) or len(value) != 2 or any(type(n) is not int or n < 1 for n in value):
        return None
    return value[0], value[1]


def covers(window: Window, height: int, width: int) -> bool:
    """Whether one window sees all of an image."""
    return window.size[0] >= height and window.size[1] >= width


def places(window: Window, height: int, width: int) -> Iterator[tuple[slice, slice]]:
    """Rows and columns of each window, as MMSegmentation's ``slide_inference`` places them.

    All windows have one size: the last of a row or column is moved back to end at the border, and a window
    larger than the image is the image.
    """
    for rows in _along(height, window.size[0], window.stride[0]):
        for columns in _along(width, window.size[1], window.stride[1]):
            yield rows, columns


def _along(length: int, size: int, stride: int) -> Iterator[slice]:
    size = min(size, length)
    for number in range(-(-(length - size) // stride) + 1):
        start = min(number * stride, length - size)
        yield slice(start, start + size)


def slide(forward: Callable[[Tensor], Outputs], image: Tensor, window: Window) -> Outputs:
    """Outputs of an image, put together from those of its windows.

    Logits and densities of a window are brought to its own resolution bilinearly (align_corners=False), as
    MMSegmentation does it, and averaged where windows overlap: densities in nats, so what is averaged is log
    p, not p. Features are averaged at the network's resolution, on a grid with as many cells to a pixel as a
    window's; a window whose corner falls inside a cell is moved to the nearest one, by at most half a cell.
    Averages of features of unit length are a little shorter than that.

    The network sees one window at a time; the sums lie on the device of its outputs.

    Args:
        forward: the network, of a (1, 3, h, w) window.
        image: (1, 3, H, W).

    Returns:
        Logits and density (C, H, W), features (D, H', W').
    """
    height, width = image.shape[2:]
    means: dict[str, _Mean] = {}
    for rows, columns in places(window, height, width):
        seen = forward(image[:, :, rows, columns])
        pixels = rows.stop - rows.start, columns.stop - columns.start
        for name, tile in seen._asdict().items():
            if tile is None:
                continue
            if name != "features":
                tile = at_size(tile, pixels)
            tile = tile.float()
            channels, *cells = tile.shape
            corner = _cell(rows.start, pixels[0], cells[0]), _cell(columns.start, pixels[1], cells[1])
            if name not in means:
                whole = _cell(height, pixels[0], cells[0]), _cell(width, pixels[1], cells[1])
                means[name] = _Mean(tile.new_zeros(channels, *whole), tile.new_zeros(whole))
            means[name].add(tile, *corner)
    found = {name: mean.read() for name, mean in means.items()}
    return Outputs(found["logits"], found.get("density"), found["features"])


def _cell(position: int, pixels: int, cells: int) -> int:
    """``position`` in cells, where ``pixels`` have ``cells``; halves up, always, or windows could leave a gap."""
    return (2 * position * cells + pixels) // (2 * pixels)


class _Mean(NamedTuple):
    """The mean of overlapping tiles: their sum (C, H, W) and number (H, W)."""

    sum: Tensor
    number: Tensor

    def add(self, tile: Tensor, top: int, left: int) -> None:
        rows, columns = slice(top, top + tile.shape[1]), slice(left, left + tile.shape[2])
        self.sum[:, rows, columns] += tile
        self.number[rows, columns] += 1

    def read(self) -> Tensor:
        return self.sum.div_(self.number)
