"""Maps to the image's size, against PyTorch in float64."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from gmmbench.models.resize import at_size

SIZES = [
    # from, to
    ((12, 20), (48, 80)),
    ((12, 20), (49, 83)),
    ((12, 21), (360, 480)),
    ((1, 1), (7, 5)),
    ((1, 9), (4, 3)),
    ((20, 30), (10, 15)),
    ((20, 30), (9, 14)),
    ((20, 30), (61, 7)),
    ((120, 214), (720, 1280)),
]


@pytest.mark.parametrize(("before", "after"), SIZES)
def test_is_bilinear(before, after):
    maps = torch.randn(3, *before, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    expected = F.interpolate(maps[None], size=after, mode="bilinear", align_corners=False)[0]
    made = at_size(maps.float(), after)
    assert made.dtype == torch.float32
    torch.testing.assert_close(made.double(), expected, rtol=0, atol=3e-6)


def test_keeps_what_has_the_size():
    maps = torch.randn(4, 7, 9, generator=torch.Generator().manual_seed(0))
    assert torch.equal(at_size(maps, (7, 9)), maps)


def test_of_strided_and_half_precision_maps():
    maps = torch.randn(7, 9, 4, generator=torch.Generator().manual_seed(0)).permute(2, 0, 1)
    assert torch.equal(at_size(maps, (20, 21)), at_size(maps.contiguous(), (20, 21)))
    half = maps.half()
    assert torch.equal(at_size(half, (20, 21)), at_size(half.float(), (20, 21)))


def test_of_the_graph_takes_values_only():
    maps = torch.ones(1, 2, 2, requires_grad=True)
    assert not at_size(maps, (4, 4)).requires_grad
