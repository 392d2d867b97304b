"""A sample in which every pixel of a class is as likely as any other."""

from __future__ import annotations

import torch

from gmmbench.mixture.sample import UniformSample


def drawn(capacity: int, seed: int, images: list[tuple[int, int]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Of images that show so many pixels of classes 0 and 1; features count up through all images."""
    sample, count = UniformSample(3, capacity, torch.Generator().manual_seed(seed)), 0
    for zeros, ones in images:
        labels = torch.cat([torch.zeros(zeros, dtype=torch.int64), torch.ones(ones, dtype=torch.int64)])
        sample.add(torch.arange(count, count + len(labels)).float()[:, None], labels)
        count += len(labels)
    return sample.read()


def test_all_are_kept_where_there_is_room() -> None:
    features, labels = drawn(100, 0, [(4, 3), (2, 0)])
    assert sorted(features[labels == 0].flatten().tolist()) == [0, 1, 2, 3, 7, 8]
    assert sorted(features[labels == 1].flatten().tolist()) == [4, 5, 6]
    assert not (labels == 2).any()


def test_large_images_get_their_share() -> None:
    """An image with nine tenths of a class's pixels gives nine tenths of the sample, on average over seeds."""
    first = [float((drawn(10, seed, [(90, 0), (10, 0)])[0] < 90).sum()) for seed in range(300)]
    assert abs(sum(first) / 300 - 9) < 0.2  # a standard error is 0.05


def test_the_seed_decides_and_less_can_be_read() -> None:
    a, b = drawn(5, 3, [(50, 50)]), drawn(5, 3, [(50, 50)])
    assert torch.equal(a[0], b[0])
    assert torch.equal(a[1], b[1])
    assert not torch.equal(a[0], drawn(5, 4, [(50, 50)])[0])
    sample = UniformSample(2, 8, torch.Generator().manual_seed(0))
    sample.add(torch.arange(20.0)[:, None], torch.zeros(20, dtype=torch.int64))
    some, _ = sample.read(3)
    assert len(some) == 3
    assert set(some.flatten().tolist()) < set(sample.read()[0].flatten().tolist())
    assert UniformSample(2, 8, torch.Generator()).read()[0].shape == (0, 0)
