"""RoadAnomaly: the publisher's layout, what labels become, and what is wrong with a bad tree."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gmmbench.data.road_anomaly import road_anomaly
from gmmbench.errors import InputError
from gmmbench.labels import IN, OOD


def test_frames_of_mixed_sizes(road_anomaly_tree: Path) -> None:
    images = road_anomaly(road_anomaly_tree)
    assert (images.name, len(images)) == ("road_anomaly", 3)
    samples = {sample.name: sample for sample in images}
    assert list(samples) == ["animals01_Cow", "boat_trailer", "rock02_on_the_road"]
    assert [sample.labels.shape for sample in samples.values()] == [(10, 14), (16, 16), (9, 20)]
    for sample in samples.values():
        assert set(np.unique(sample.labels)) == {IN, OOD}
        assert (sample.labels[3:7, 2:6] == OOD).all()
        assert np.count_nonzero(sample.labels == OOD) == 16


def complaint(root: Path) -> str:
    with pytest.raises(InputError) as caught:
        road_anomaly(root)[0]
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_no_such_data_set(data_root: Path) -> None:
    message = complaint(data_root)
    assert str(data_root / "RoadAnomaly_jpg" / "frame_list.json") in message
    assert "GMMBENCH_DATA" in message


@pytest.mark.parametrize("content", [b'["a.jpg", ', b"", b"3", b"null", b"\xff\xfe"])
def test_a_list_that_is_no_json_list(road_anomaly_tree: Path, content: bytes) -> None:
    file = road_anomaly_tree / "RoadAnomaly_jpg" / "frame_list.json"
    file.write_bytes(content)
    assert f"{file} is no JSON list of file names" in complaint(road_anomaly_tree)


def test_an_empty_list(road_anomaly_tree: Path) -> None:
    (road_anomaly_tree / "RoadAnomaly_jpg" / "frame_list.json").write_text("[]")
    assert "road_anomaly: no images found" in complaint(road_anomaly_tree)


@pytest.mark.parametrize("lost", ["boat_trailer.jpg", "boat_trailer.labels/labels_semantic.png"])
def test_an_image_without_mask_or_a_mask_without_image(road_anomaly_tree: Path, lost: str) -> None:
    file = road_anomaly_tree / "RoadAnomaly_jpg" / "frames" / lost
    file.unlink()
    assert f"1 of 6 files are missing, first {file}" in complaint(road_anomaly_tree)


def test_a_label_value_that_the_publisher_does_not_use(road_anomaly_tree: Path) -> None:
    file = road_anomaly_tree / "RoadAnomaly_jpg" / "frames" / "animals01_Cow.labels" / "labels_semantic.png"
    Image.fromarray(np.ones((10, 14), dtype=np.uint8)).save(file)
    assert f"{file} has label value 1 in 140 pixels; known values: 0, 2" in complaint(road_anomaly_tree)


def test_a_truncated_jpeg(road_anomaly_tree: Path) -> None:
    file = road_anomaly_tree / "RoadAnomaly_jpg" / "frames" / "animals01_Cow.jpg"
    file.write_bytes(file.read_bytes()[:-60])
    assert f"{file} cannot be read as an image" in complaint(road_anomaly_tree)


def test_the_published_set(real_data: Path) -> None:
    images = road_anomaly(real_data)
    assert len(images) == 60
    counts = np.zeros(256, dtype=np.int64)
    for pair in images.pairs:
        counts += np.bincount(np.asarray(Image.open(pair.labels)).ravel(), minlength=256)
    assert set(np.flatnonzero(counts)) == {0, 2}
    assert 0.09 < counts[2] / counts.sum() < 0.11
    for index in (0, 30, 59):
        sample = images[index]
        assert sample.image.shape == (*sample.labels.shape, 3)
        assert set(np.unique(sample.labels)) == {IN, OOD}
