"""From the features' resolution to the image's, against torch's own interpolation."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from gmmbench.prediction import Prediction
from gmmbench.scores.resolution import at_image_size


@pytest.mark.parametrize(
    ("old", "new"),
    [((120, 214), (72, 1280)), ((1, 1), (5, 7)), ((30, 40), (30, 40)), ((64, 64), (20, 33)), ((3, 5), (200, 5))],
)
def test_as_torch_interpolates_in_float64(old: tuple[int, int], new: tuple[int, int]) -> None:
    scores = torch.randn(old, generator=torch.Generator().manual_seed(0))
    got = at_image_size(scores, Prediction(torch.zeros(1, *new)))
    wanted = F.interpolate(scores.double()[None, None], size=new, mode="bilinear", align_corners=False)[0, 0]
    assert got.dtype == torch.float32
    torch.testing.assert_close(got, wanted.float(), rtol=1e-6, atol=1e-6)


def test_the_scores_themselves_stay_as_they_are() -> None:
    scores = torch.arange(12.0).view(3, 4)
    at_image_size(scores, Prediction(torch.zeros(1, 3, 4))).zero_()
    assert torch.equal(scores, torch.arange(12.0).view(3, 4))
