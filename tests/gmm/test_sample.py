"""A sample that is balanced over classes and images, in one pass."""

from __future__ import annotations

import torch
from torch import Tensor

from gmmbench.gmm.sample import BalancedSample


def sampled(images: list[Tensor], capacity: int, seed: int = 0, classes: int = 3) -> tuple[BalancedSample, Tensor]:
    """A feature says where it comes from: (image, place, label). Returns the kept ones' rows."""
    sample = BalancedSample(classes, capacity, torch.Generator().manual_seed(seed))
    for number, labels in enumerate(images):
        place = torch.arange(len(labels))
        sample.add(torch.stack([torch.full_like(place, number), place, labels], dim=1).float(), labels)
    features, labels = sample.read()
    assert torch.equal(features[:, 2].long(), labels), "features go with their labels"
    assert torch.equal(labels, labels.sort().values)
    assert len(features.unique(dim=0)) == len(features), "no pixel twice"
    return sample, features


def test_all_where_there_is_room() -> None:
    images = [torch.tensor([0, 1, 1, 255, -1, 3]), torch.tensor([1, 0, 0, 0])]
    _, features = sampled(images, 10)
    assert sorted(map(tuple, features.tolist())) == [(0, 0, 0), (0, 1, 1), (0, 2, 1), (1, 0, 1), (1, 1, 0), (1, 2, 0), (1, 3, 0)]  # noqa: E501  # fmt: skip


def test_images_take_turns() -> None:
    """Much of class 0 in one image does not crowd out the little of it in others."""
    images = [torch.zeros(500, dtype=torch.int64), *(torch.zeros(n, dtype=torch.int64) for n in (3, 40, 200))]
    for order in ([0, 1, 2, 3], [3, 2, 1, 0]):
        _, features = sampled([images[n] for n in order], 100)
        assert len(features) == 100
        taken = {order[int(n)]: int(count) for n, count in zip(*features[:, 0].unique(return_counts=True), strict=True)}
        assert taken[1] == 3
        others = [taken[n] for n in (0, 2, 3)]
        assert sum(others) == 97
        assert max(others) - min(others) <= 1


def test_a_class_has_room_of_its_own() -> None:
    images = [torch.tensor([0] * 90 + [1] * 9 + [2])] * 4
    _, features = sampled(images, 20)
    assert torch.bincount(features[:, 2].long()).tolist() == [20, 20, 4]


def test_pixels_of_an_image_are_drawn_by_chance_alone() -> None:
    images = [torch.zeros(1000, dtype=torch.int64)] * 20
    _, features = sampled(images, 400)
    assert abs(float(features[:, 1].mean()) - 499.5) < 5 * 289 / 20
    _, again = sampled(images, 400)
    _, other = sampled(images, 400, seed=1)
    assert torch.equal(features, again)
    assert not torch.equal(features, other)


def test_nothing_seen() -> None:
    sample = BalancedSample(3, 5, torch.Generator())
    assert [len(part) for part in sample.read()] == [0, 0]
    sample.add(torch.ones(4, 2), torch.full((4,), 255))
    assert [tuple(part.shape) for part in sample.read()] == [(0, 2), (0,)]
