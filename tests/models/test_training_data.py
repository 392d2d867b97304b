"""What a training is fed depends on the seed, and on nothing else."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from gmmbench.errors import InputError
from gmmbench.labels import IGNORE
from gmmbench.models import training_data
from gmmbench.models.training_data import ClosedSetDataset, Draw, SeededSampler

PIPELINE = [
    {"type": "LoadSample"},
    {"type": "RandomResize", "scale": (64, 48), "ratio_range": (0.5, 2.0), "keep_ratio": True},
    {"type": "RandomCrop", "crop_size": (16, 24), "cat_max_ratio": 0.75},
    {"type": "RandomFlip", "prob": 0.5},
    {"type": "PhotoMetricDistortion"},
    {"type": "PackSegInputs"},
]


@pytest.fixture(scope="module")
def dataset(data_root):
    from mmengine.registry import init_default_scope

    init_default_scope("mmseg")
    return ClosedSetDataset("camvid", str(data_root), "train", PIPELINE)


def draws(size: int, count: int, *, seed: int = 0, skip: int = 0) -> list[Draw]:
    sampler = SeededSampler(range(size), seed=seed)
    sampler.skip(skip)
    return list(islice(sampler, count))


def pixels(item) -> torch.Tensor:
    return torch.cat([item["inputs"].flatten().float(), item["data_samples"].gt_sem_seg.data.flatten().float()])


def test_every_epoch_is_a_permutation():
    images = [draw.image for draw in draws(7, 70)]
    epochs = [images[start : start + 7] for start in range(0, 70, 7)]
    assert all(sorted(epoch) == list(range(7)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) > 5


def test_every_draw_has_its_own_augmentation():
    assert len({draw.seed for draw in draws(7, 200)}) == 200


@pytest.mark.parametrize("skip", [0, 1, 6, 7, 8, 30])
def test_skipping_is_leaving_out(skip):
    assert draws(7, 20, skip=skip) == draws(7, 50)[skip : skip + 20]


def test_skips_add_up():
    sampler = SeededSampler(range(7), seed=0)
    sampler.skip(3)
    sampler.skip(4)
    assert list(islice(sampler, 5)) == draws(7, 12)[7:]


def test_same_seed_same_draws_another_seed_others():
    assert draws(7, 20, seed=3) == draws(7, 20, seed=3)
    assert [draw.image for draw in draws(7, 20, seed=3)] != [draw.image for draw in draws(7, 20, seed=4)]
    assert draws(7, 20, seed=0) == list(islice(SeededSampler(range(7)), 20))


@pytest.mark.parametrize("skip", [0, 5])
def test_two_ranks_partition_the_draws(skip, monkeypatch):
    whole = draws(7, 60)[2 * skip :]
    parts = []
    for rank in (0, 1):
        monkeypatch.setattr(training_data, "get_dist_info", lambda rank=rank: (rank, 2))
        parts.append(draws(7, 20, skip=skip))
    assert [draw for pair in zip(*parts, strict=True) for draw in pair] == whole[:40]


def test_length_and_epochs():
    sampler = SeededSampler(range(7), seed=0)
    before = list(islice(sampler, 5))
    sampler.set_epoch(3)
    assert len(sampler) == 7
    assert list(islice(sampler, 5)) == before


def test_augmentation_depends_on_the_draw_only(dataset):
    first = pixels(dataset[Draw(2, 11)])
    np.random.rand(5)
    dataset[Draw(3, 12)]
    assert torch.equal(pixels(dataset[Draw(2, 11)]), first)
    assert not torch.equal(pixels(dataset[Draw(2, 13)]), first)


def test_number_of_workers_changes_nothing(dataset):
    def batches(workers: int) -> list[torch.Tensor]:
        loader = DataLoader(
            dataset, batch_size=2, sampler=SeededSampler(dataset, seed=1), num_workers=workers,
            collate_fn=lambda items: torch.stack([pixels(item) for item in items]),
        )  # fmt: skip
        iterator = iter(loader)
        return [next(iterator) for _ in range(6)]

    assert all(torch.equal(a, b) for a, b in zip(batches(0), batches(2), strict=True))


def test_item_is_what_mmsegmentation_expects(dataset):
    assert len(dataset) == 8
    item = dataset[Draw(0, 0)]
    assert item["inputs"].shape == (3, 16, 24)
    assert item["inputs"].dtype == torch.uint8
    labels = item["data_samples"].gt_sem_seg.data
    assert labels.shape == (1, 16, 24)
    assert set(labels.unique().tolist()) <= {*range(11), IGNORE}
    assert dataset.metainfo["classes"][0] == "sky"
    assert len(dataset.metainfo["palette"]) == 11


def test_image_comes_in_as_bgr_and_labels_as_they_are(data_root):
    from mmengine.registry import init_default_scope

    from gmmbench.data import closed_set

    init_default_scope("mmseg")
    plain = ClosedSetDataset("camvid", str(data_root), "train", [PIPELINE[0], PIPELINE[-1]])
    item, sample = plain[Draw(3, 0)], closed_set("camvid").load(data_root, "train")[3]
    assert np.array_equal(item["inputs"].permute(1, 2, 0).numpy()[..., ::-1], sample.image)
    assert np.array_equal(item["data_samples"].gt_sem_seg.data[0].numpy(), sample.labels)


def test_errors(data_root):
    with pytest.raises(InputError, match="no data root at"):
        ClosedSetDataset("camvid", str(data_root / "none"), "train", PIPELINE)
    with pytest.raises(InputError, match=r"known: .*camvid"):
        ClosedSetDataset("camvit", str(data_root), "train", PIPELINE)
    with pytest.raises(InputError, match=r"no .*training\.txt"):
        ClosedSetDataset("camvid", str(data_root), "training", PIPELINE)
