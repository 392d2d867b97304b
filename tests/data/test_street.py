"""The street generator: layout, labels, determinism, and what happens when the target is not empty."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from gmmbench.data.street import CLASSES, DEFAULT_COUNTS, OOD_LABEL, PALETTE, render, write_street
from gmmbench.data.street.anomalies import KINDS
from gmmbench.errors import InputError
from gmmbench.labels import IGNORE

SIZE = (60, 80)
COUNTS = {"train": 8, "val": 2, "test": 3, "test_ood": 12}


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_street(tmp_path_factory.mktemp("data"), size=SIZE, counts=COUNTS)


def read(path: Path) -> np.ndarray:
    pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert pixels is not None
    return pixels


def maps(street: Path, split: str) -> list[np.ndarray]:
    return [read(path) for path in sorted((street / f"{split}annot").iterdir())]


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_the_layout_is_camvids(street: Path) -> None:
    assert street.name == "Street"
    expected = {"street.json"}
    for split in COUNTS:
        expected |= {split, f"{split}annot", f"{split}.txt"}
    assert {path.name for path in street.iterdir()} == expected


@pytest.mark.parametrize("split", COUNTS)
def test_every_listed_pair_exists_fits_and_is_all_there_is(street: Path, split: str) -> None:
    lines = (street / f"{split}.txt").read_text().splitlines()
    assert len(lines) == COUNTS[split]
    for line in lines:
        image_name, labels_name = line.split(" ")
        assert labels_name == image_name.replace(f"{split}/", f"{split}annot/")
        image = read(street / image_name)
        labels = read(street / labels_name)
        assert image.shape == (*SIZE, 3)
        assert labels.shape == SIZE
        assert image.dtype == labels.dtype == np.uint8
    listed = {line.split(" ")[0] for line in lines}
    assert listed == {f"{split}/{path.name}" for path in (street / split).iterdir()}


def test_the_png_holds_what_render_draws_red_first(tmp_path: Path) -> None:
    folder = write_street(tmp_path, seed=3, size=SIZE, counts=dict.fromkeys(COUNTS, 0) | {"train": 1})
    seed = int(np.random.SeedSequence([3, 0, 0]).generate_state(1, np.uint64)[0])
    image, labels = render(seed, SIZE, False)
    stored = read(folder / "train" / "train_00000.png")
    np.testing.assert_array_equal(stored[..., ::-1], image)
    np.testing.assert_array_equal(maps(folder, "train")[0], labels)


def test_the_ood_label_is_the_next_free_value_and_every_class_has_a_colour() -> None:
    assert len(CLASSES) == OOD_LABEL
    assert len(set(PALETTE)) == len(CLASSES)


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_closed_splits_never_show_an_anomaly(street: Path, split: str) -> None:
    assert {int(value) for labels in maps(street, split) for value in np.unique(labels)} <= {
        *range(len(CLASSES)),
        IGNORE,
    }


def test_every_class_and_void_appear_in_train(street: Path) -> None:
    seen = {int(value) for labels in maps(street, "train") for value in np.unique(labels)}
    assert seen == {*range(len(CLASSES)), IGNORE}


def test_a_sixth_of_the_ood_images_has_no_anomaly_and_the_rest_have_a_sensible_share(street: Path) -> None:
    anomalous = np.array([(labels == OOD_LABEL).mean() for labels in maps(street, "test_ood")])
    assert [index for index, share in enumerate(anomalous) if share == 0] == [5, 11]
    assert 0.01 < anomalous.mean() < 0.08
    known = {*range(len(CLASSES)), OOD_LABEL, IGNORE}
    assert {int(value) for labels in maps(street, "test_ood") for value in np.unique(labels)} <= known


@pytest.mark.parametrize("seed", range(40))
def test_asking_for_an_anomaly_shows_one(seed: int) -> None:
    _, labels = render(seed, (48, 64), True)
    assert (labels == OOD_LABEL).sum() >= 8


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_anomaly_can_be_seen(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gmmbench.data.street.placing.KINDS", {name: KINDS[name]})
    image, labels = render(11, SIZE, True)
    plain, _ = render(11, SIZE, False)
    odd = labels == OOD_LABEL
    assert odd.sum() >= 15
    # The two pictures are the same to the byte but for the anomaly, its shadow, and who made room for it.
    apart = np.abs(image.astype(int) - plain.astype(int)).sum(axis=2)
    assert (apart[~odd] == 0).mean() > 0.5
    assert (apart[odd] > 0).mean() > 0.9


@pytest.mark.parametrize("anomaly", [False, True])
def test_the_same_seed_gives_the_same_picture_and_another_seed_another(anomaly: bool) -> None:
    image, labels = render(5, SIZE, anomaly)
    again, labels_again = render(5, SIZE, anomaly)
    other, _ = render(6, SIZE, anomaly)
    np.testing.assert_array_equal(image, again)
    np.testing.assert_array_equal(labels, labels_again)
    assert np.abs(image.astype(int) - other.astype(int)).mean() > 5


def test_the_global_generator_is_neither_read_nor_moved() -> None:
    np.random.seed(1)
    before = np.random.get_state()[1].copy()  # type: ignore[index, union-attr]
    first, _ = render(5, SIZE, True)
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # type: ignore[index]
    np.random.seed(2)
    second, _ = render(5, SIZE, True)
    np.testing.assert_array_equal(first, second)


def test_the_same_seed_writes_the_same_bytes_and_more_images_change_none(street: Path, tmp_path: Path) -> None:
    more = {"train": 3, "val": 3, "test": 1, "test_ood": 7}
    first, second = everything(street), everything(write_street(tmp_path, size=SIZE, counts=more))
    common = [name for name in first.keys() & second.keys() if name.endswith(".png")]
    assert len(common) == 2 * (3 + 2 + 1 + 7)
    assert [name for name in common if first[name] != second[name]] == []


def test_another_seed_writes_other_images(street: Path, tmp_path: Path) -> None:
    other = write_street(tmp_path, seed=1, size=SIZE, counts=dict.fromkeys(COUNTS, 0) | {"train": 2})
    for index in range(2):
        name = f"train/train_{index:05d}.png"
        assert (street / name).read_bytes() != (other / name).read_bytes()


def test_splits_share_no_image(street: Path) -> None:
    pictures = [data for name, data in everything(street).items() if name.endswith(".png") and "annot" not in name]
    assert len(set(pictures)) == sum(COUNTS.values())


def test_what_is_there_is_used_again(street: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in street.rglob("*")}
    calls: list[tuple[int, int]] = []
    assert write_street(street.parent, size=SIZE, counts=COUNTS, progress=lambda *at: calls.append(at)) == street
    assert {path: path.stat().st_mtime_ns for path in street.rglob("*")} == before
    assert calls == []


@pytest.mark.parametrize("changed", [{"seed": 1}, {"size": (64, 80)}, {"counts": COUNTS | {"val": 3}}])
def test_other_parameters_are_refused_in_one_line(street: Path, changed: dict[str, object]) -> None:
    asked: dict[str, object] = {"size": SIZE, "counts": COUNTS} | changed
    with pytest.raises(InputError, match=r"holds street with .*asked for .*delete it or choose another root") as error:
        write_street(street.parent, **asked)  # type: ignore[arg-type]
    assert "\n" not in str(error.value)


def test_a_folder_of_someone_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "Street").mkdir()
    with pytest.raises(InputError, match=r"has no street\.json"):
        write_street(tmp_path, size=SIZE, counts=COUNTS)
    assert list((tmp_path / "Street").iterdir()) == []


def test_an_interrupted_run_leaves_nothing(tmp_path: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        assert total == sum(COUNTS.values())
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_street(tmp_path, size=SIZE, counts=COUNTS, progress=interrupt)
    assert list(tmp_path.iterdir()) == []


def test_progress_counts_every_image(tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    few = {"train": 1, "val": 1, "test": 0, "test_ood": 1}
    folder = write_street(tmp_path, size=SIZE, counts=few, progress=lambda *at: calls.append(at))
    assert calls == [(1, 3), (2, 3), (3, 3)]
    assert (folder / "test.txt").read_text() == ""
    assert json.loads((folder / "street.json").read_text())["counts"] == few


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"seed": -1}, "seed -1 is negative"),
        ({"size": (20, 80)}, "20 x 80 is too small"),
        ({"counts": {"train": -2}}, "-2 images for train"),
        ({"counts": {"trian": 2}}, "did you mean 'train'"),
    ],
)
def test_numbers_that_make_no_sense_are_refused_before_anything_is_written(
    tmp_path: Path, wrong: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        write_street(tmp_path / "new", **wrong)  # type: ignore[arg-type]
    assert not (tmp_path / "new").exists()


def test_the_card_says_what_the_code_does() -> None:
    card = yaml.safe_load((Path(__file__).parents[2] / "datasets" / "street.yaml").read_text())
    assert tuple(card["classes"]) == CLASSES
    assert card["ood"] == OOD_LABEL
    assert card["ignore"] == IGNORE
    assert card["splits"] == dict(DEFAULT_COUNTS)
    assert [name for name in KINDS if name not in card["note"]] == []
