"""Every class is drawn as often as every other, and a draw depends on the seed and its number alone."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.logging import MMLogger
from mmengine.registry import DATA_SAMPLERS
from PIL import Image
from scipy.stats import chisquare
from torch.utils.data import DataLoader

from gmmbench.data import pairs
from gmmbench.errors import InputError
from gmmbench.models import class_balance, training_data
from gmmbench.models.class_balance import ClassBalancedSampler, telling
from gmmbench.models.training_data import ClosedSetDataset, Draw

ROOT = Path(__file__).parents[2]
PIPELINE = [{"type": "LoadSample"}, {"type": "RandomCrop", "crop_size": (2, 2)}, {"type": "PackSegInputs"}]
# Classes in an image; class 10 is in none, 4 is everywhere, the first image alone has 0.
CONTENT = [{0, 1, 4}, {1, 2, 4}, {2, 3, 4}, {3, 4, 5}, {4, 5, 6}, {4, 6, 7, 8, 9}, {4, 9}]
IMAGES_OF = {number: [image for image, inside in enumerate(CONTENT) if number in inside] for number in range(10)}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A cache folder of each test's own."""
    monkeypatch.setenv("GMMBENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def write(root, content) -> None:
    lines = []
    for number, inside in enumerate(content):
        for folder, pixels in (
            ("train", np.full((4, 5, 3), 7 * number)),
            ("trainannot", np.resize([*inside], (4, 5))),
        ):
            file = root / "CamVid" / folder / f"{number}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels.astype(np.uint8)).save(file)
        lines.append(f"train/{number}.png trainannot/{number}.png\n")
    (root / "CamVid" / "train.txt").write_text("".join(lines))


def opened(root) -> ClosedSetDataset:
    from mmengine.registry import init_default_scope

    init_default_scope("mmseg")
    return ClosedSetDataset("camvid", str(root), "train", PIPELINE)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("balance")
    write(folder, CONTENT)
    return folder


@pytest.fixture(scope="module")
def dataset(root):
    return opened(root)


def draws(dataset, count: int, *, seed: int = 0, skip: int = 0) -> list[Draw]:
    sampler = ClassBalancedSampler(dataset, seed=seed)
    sampler.skip(skip)
    return list(islice(sampler, count))


def expected_share() -> np.ndarray:
    """Of each image: the mean over classes of one over the images with that class, where it is one of them."""
    return np.array(
        [
            sum(1 / len(images) for images in IMAGES_OF.values() if image in images) / len(IMAGES_OF)
            for image in range(len(CONTENT))
        ]
    )


def test_images_come_as_often_as_uniform_classes_make_them():
    share = expected_share()
    assert share.sum() == pytest.approx(1)
    assert share.max() > 2 * share.min()  # a uniform shuffle would not pass
    assert chisquare(np.full(7, 1000), 7000 * share).pvalue < 1e-9


def test_classes_are_uniform(dataset):
    images = [draw.image for draw in draws(dataset, 7000)]
    counts = np.bincount(images, minlength=7)
    assert chisquare(counts, 7000 * expected_share()).pvalue > 0.01


def test_images_within_a_class_are_uniform(root, dataset, monkeypatch):
    # A sampler that knows of one class only draws among its images.
    sampler = ClassBalancedSampler(dataset, seed=0)
    monkeypatch.setattr(sampler, "_images_of", [np.array(IMAGES_OF[4])])
    counts = np.bincount([draw.image for draw in islice(sampler, 7000)], minlength=7)
    assert chisquare(counts).pvalue > 0.01


def test_draws_do_not_repeat_in_cycles(dataset):
    images = np.array([draw.image for draw in draws(dataset, 400)])
    assert all((images[lag:] == images[:-lag]).mean() < 0.35 for lag in range(1, 40))


@pytest.mark.parametrize("skip", [0, 1, 6, 30])
def test_skipping_is_leaving_out(dataset, skip):
    assert draws(dataset, 20, skip=skip) == draws(dataset, 50)[skip : skip + 20]


def test_same_seed_same_draws_another_seed_others(dataset):
    assert draws(dataset, 20, seed=3) == draws(dataset, 20, seed=3)
    assert [draw.image for draw in draws(dataset, 20, seed=3)] != [draw.image for draw in draws(dataset, 20, seed=4)]
    assert len({draw.seed for draw in draws(dataset, 200)}) == 200


def test_a_draw_depends_on_its_number_only(dataset):
    sampler = ClassBalancedSampler(dataset, seed=5)
    straight = [sampler.image(number) for number in range(30)]
    np.random.default_rng(0).random(7)
    assert [sampler.image(number) for number in reversed(range(30))] == straight[::-1]
    assert [draw.image for draw in draws(dataset, 30, seed=5)] == straight


@pytest.mark.parametrize("skip", [0, 5])
def test_two_ranks_partition_the_draws(dataset, skip, monkeypatch):
    whole = draws(dataset, 60)[2 * skip :]
    sent: list[object] = []
    wire = {0: sent.extend, 1: lambda message: message.__setitem__(slice(None), sent)}
    parts = []
    for rank in (0, 1):  # one after the other: what the first broadcast, the second gets
        monkeypatch.setattr(training_data, "get_dist_info", lambda rank=rank: (rank, 2))
        monkeypatch.setattr(class_balance, "broadcast_object_list", wire[rank])
        parts.append(draws(dataset, 20, skip=skip))
    assert [draw for pair in zip(*parts, strict=True) for draw in pair] == whole[:40]


def test_number_of_workers_changes_nothing(dataset):
    def batches(workers: int) -> list[torch.Tensor]:
        loader = DataLoader(
            dataset, batch_size=2, sampler=ClassBalancedSampler(dataset, seed=1), num_workers=workers,
            collate_fn=lambda items: torch.stack([item["inputs"] for item in items]),
        )  # fmt: skip
        iterator = iter(loader)
        return [next(iterator) for _ in range(6)]

    assert all(torch.equal(a, b) for a, b in zip(batches(0), batches(2), strict=True))


def test_length_and_epochs(dataset):
    sampler = DATA_SAMPLERS.build({"type": "ClassBalancedSampler"}, default_args={"dataset": dataset, "seed": 0})
    before = list(islice(sampler, 5))
    sampler.set_epoch(3)
    assert len(sampler) == 7
    assert list(islice(sampler, 5)) == before


def test_label_maps_are_decoded_once(dataset, cache, monkeypatch):
    decoded = []
    real = pairs.read_labels
    monkeypatch.setattr(pairs, "read_labels", lambda path: decoded.append(path) or real(path))
    heard = []
    with telling(lambda *words: heard.append(words)):
        first = draws(dataset, 20)
        assert draws(dataset, 20) == first
    assert len(decoded) == len(heard) == 7
    assert heard[-1] == (7, 7, "reading label maps")
    next(cache.iterdir()).write_bytes(b"damaged")
    assert draws(dataset, 20) == first
    assert len(decoded) == 14
    assert len(heard) == 7  # nobody listens outside the block


@pytest.fixture
def log():
    """The records of MMEngine's current logger."""
    records: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = records.append  # type: ignore[method-assign]
    logger = MMLogger.get_current_instance()
    logger.addHandler(handler)
    yield records
    logger.removeHandler(handler)


def test_a_class_in_no_image_is_named_and_never_drawn(dataset, log):
    assert all(4 in CONTENT[draw.image] for draw in draws(dataset, 50))
    warnings = [record.getMessage() for record in log if record.levelno == logging.WARNING]
    assert warnings == ["camvid train: ClassBalancedSampler never draws bicyclist; no image contains it"]


def test_only_void_is_an_error(tmp_path):
    write(tmp_path, [{11}, {11}])
    with pytest.raises(InputError, match="no image contains any of the 11 classes"):
        ClassBalancedSampler(opened(tmp_path), seed=0)


def test_another_kind_of_data_set_is_an_error():
    with pytest.raises(InputError, match=r"got a range; .*SeededSampler"):
        ClassBalancedSampler(range(7), seed=0)


ONE_RANK = """
import json, sys
from itertools import islice
import torch
import gmmbench.models
from mmengine.registry import init_default_scope
from gmmbench.errors import InputError
from gmmbench.models.class_balance import ClassBalancedSampler
from gmmbench.models.training_data import ClosedSetDataset

rank, folder = int(sys.argv[1]), sys.argv[2]
torch.distributed.init_process_group("gloo", f"file://{folder}/meeting", rank=rank, world_size=2)
init_default_scope("mmseg")
opened = lambda root: ClosedSetDataset("camvid", f"{folder}/{root}", "train", [{"type": "LoadSample"}])
images = [draw.image for draw in islice(ClassBalancedSampler(opened("good"), seed=0), 10)]
try:
    ClassBalancedSampler(opened("bad"), seed=0)
except InputError as error:
    print(json.dumps([images, str(error)]))
torch.distributed.destroy_process_group()
"""


def test_an_error_reaches_every_rank(tmp_path):
    """In two real processes: both get the index, both end when there is none, and both say why."""
    write(tmp_path / "good", CONTENT)
    write(tmp_path / "bad", [{1}, {99}])
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", ONE_RANK, str(rank), str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        for rank in (0, 1)
    ]
    try:
        (first, error), (second, passed_on) = (
            json.loads(process.communicate(timeout=120)[0].splitlines()[-1]) for process in processes
        )
    finally:
        for process in processes:
            process.kill()
            process.wait()
    assert "label value 99" in error
    assert passed_on == f"the first process found no class index: {error}"
    whole = [draw.image for draw in draws(opened(tmp_path / "good"), 20)]
    assert [image for pair in zip(first, second, strict=True) for image in pair] == whole
