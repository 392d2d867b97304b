"""Score maps as files: of sets with and without labels, in each form, and as a submission."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from PIL import Image

from gmmbench.data import ood_set
from gmmbench.errors import InputError
from gmmbench.models.predictor import load_predictor
from gmmbench.scores import SCORES
from gmmbench.verbs import OodSets, OurModel, OutsideModel, eval_maps, export_maps

NAMES = ["validation0000", "validation0001"]


@pytest.fixture
def msp(softmax: OurModel, tiny_tree: Path) -> Callable[[int], np.ndarray]:
    """Of one image of RoadAnomaly21's validation, asked of the model."""
    model, images = load_predictor(softmax.config, softmax.checkpoint), ood_set("road_anomaly21", tiny_tree)
    return lambda index: SCORES["msp"](model(images[index].image)).numpy()


@pytest.mark.parametrize("form", ["npy", "npz", "tif"])
def test_each_form_holds_every_bit(
    form: str, softmax: OurModel, tiny_tree: Path, tmp_path: Path, msp: Callable[[int], np.ndarray]
) -> None:
    assert export_maps(softmax, ["road_anomaly21"], tiny_tree, tmp_path / "maps", score="msp", form=form) == 2
    files = sorted((tmp_path / "maps").rglob("*.*"))
    assert [str(file.relative_to(tmp_path / "maps")) for file in files] == [f"road_anomaly21/{n}.{form}" for n in NAMES]
    for index, file in enumerate(files):
        read: dict[str, Callable[[Path], Any]] = {
            "npy": np.load, "npz": lambda path: np.load(path)["score"],
            "tif": lambda path: np.asarray(Image.open(path)),
        }  # fmt: skip
        np.testing.assert_array_equal(read[form](file), msp(index))


def test_a_submission_to_segment_me_if_you_can(
    softmax: OurModel, tiny_tree: Path, tmp_path: Path, msp: Callable[[int], np.ndarray]
) -> None:
    sets = ["road_anomaly21", "road_anomaly21_test"]
    assert export_maps(softmax, sets, tiny_tree, tmp_path / "sent", score="msp", form="smiyc", name="mine") == 3
    folder = tmp_path / "sent" / "anomaly_p" / "mine" / "AnomalyTrack-all"
    assert sorted(file.name for file in folder.iterdir()) == [f"{name}.hdf5" for name in (*NAMES, "zebra0000")]
    with h5py.File(folder / "validation0001.hdf5") as file:
        value = file["value"][:]
    assert value.dtype == np.float16
    np.testing.assert_array_equal(value, msp(1).astype(np.float16))
    labelled = OodSets(("road_anomaly21",), None, tiny_tree)
    rows, notes = eval_maps(folder, labelled, out=tmp_path / "run")
    assert rows[0].counts["images"] == 2
    assert "1 files" in notes[0]
    assert "float16" in notes[1]


def test_a_set_without_labels_and_a_limit(softmax: OurModel, tiny_tree: Path, tmp_path: Path) -> None:
    told = []
    sets = ["road_anomaly21_test", "camvid_ood"]

    class Bar:
        def __enter__(self) -> Callable[[int, int], None]:
            return lambda done, total: told.append((done, total))

        def __exit__(self, *_: object) -> None:
            pass

    assert export_maps(softmax, sets, tiny_tree, tmp_path, score="energy", limit=3, bar=lambda _: Bar()) == 4
    assert told == [(1, 1), (1, 3), (2, 3), (3, 3)]
    assert np.load(tmp_path / "road_anomaly21_test" / "zebra0000.npy").shape == (30, 40)


def test_labels_are_not_read(softmax: OurModel, tiny_tree: Path, tmp_path: Path) -> None:
    image = tiny_tree / "dataset_AnomalyTrack" / "images" / "validation0000.jpg"
    for folder, name in (("images", "validation0000.jpg"), ("labels_masks", "validation0000_labels_semantic.png")):
        (tmp_path / "dataset_AnomalyTrack" / folder).mkdir(parents=True)
        content = image.read_bytes() if folder == "images" else b"damaged"
        (tmp_path / "dataset_AnomalyTrack" / folder / name).write_bytes(content)
    assert export_maps(softmax, ["road_anomaly21"], tmp_path, tmp_path / "maps", score="msp") == 1


def test_flip_and_blur_are_in_the_maps(
    softmax: OurModel, tiny_tree: Path, tmp_path: Path, msp: Callable[[int], np.ndarray]
) -> None:
    for name, subject, blur in (("flip", replace(softmax, flip=True), None), ("blur", softmax, 1.0)):
        export_maps(subject, ["road_anomaly21"], tiny_tree, tmp_path / name, score="msp", blur=blur)
    flipped, blurred = (np.load(tmp_path / n / "road_anomaly21" / "validation0000.npy") for n in ("flip", "blur"))
    assert not np.array_equal(flipped, msp(0))
    assert np.abs(np.diff(blurred)).mean() < np.abs(np.diff(msp(0))).mean()


def test_a_fitted_score_of_a_model_from_outside(outside: OutsideModel, tiny_tree: Path, tmp_path: Path) -> None:
    subject = replace(outside, fit_on="camvid")
    assert export_maps(subject, ["road_anomaly21"], tiny_tree, tmp_path / "maps", score="sml") == 2
    assert (tmp_path / "maps" / "fitted" / "sml.pth").is_file()


def test_bad_input_is_refused_before_a_model_is_loaded(
    softmax: OurModel, tiny_tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def loaded(*_: object, **__: object) -> None:
        raise AssertionError("a model was loaded")

    monkeypatch.setattr("gmmbench.verbs.subject.load_predictor", loaded)
    good: dict[str, Any] = {"datasets": ["road_anomaly21"], "score": "msp"}
    for change, said in (
        ({"form": "png"}, "unknown form of score maps 'png'; .*known: npy, npz, smiyc, tif"),
        ({"datasets": []}, "no data set named; wanted --datasets NAMES"),
        ({"datasets": ["road_anomaly22"]}, "unknown data set 'road_anomaly22'; did you mean"),
        ({"datasets": ["camvid_ood"], "form": "smiyc"}, "SegmentMeIfYouCan has no 'camvid_ood'; of these it has maps"),
        ({"score": "msp,energy"}, "--score msp,energy names 2 scores; wanted one"),
        ({"score": "all"}, "--score all names [0-9]+ scores; wanted one"),
        ({"score": "enrgy"}, "unknown score 'enrgy'; did you mean 'energy'"),
        ({"blur": 0.0}, "--blur 0.0: wanted a standard deviation above 0"),
    ):
        with pytest.raises(InputError, match=said):
            export_maps(softmax, data_root=tiny_tree, folder=tmp_path / "maps", **(good | change))
    assert not (tmp_path / "maps").exists()


def test_a_score_that_does_not_fit_float16(softmax: OurModel, tiny_tree: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="needs density, which this model does not give"):
        export_maps(softmax, ["road_anomaly21"], tiny_tree, tmp_path / "maps", score="gmm_lse")
