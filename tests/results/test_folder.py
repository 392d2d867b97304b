"""Rows and arrays on disk: what was written comes back, and damage is named by its file."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gmmbench.errors import InputError
from gmmbench.metrics import ConfusionMatrix, ScoreCounts
from gmmbench.results import ROWS, Row, RunFolder

ROW = Row(
    task="ood",
    run="GMM, 1st",
    dataset="camvid_ood",
    metric="AUROC",
    value=0.1 + 0.2,
    score="gmm_max",
    family="density",
    counts={"images": 3, "images_total": 117, "pixels_in": 12_345_678_901_234},
    provenance={"seed": None, "libraries": {"numpy": "2.4.6"}, "protocol": {"split": "test"}},
)


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path / "run")


def strict(line: str) -> dict[str, object]:
    """The record of a line, read by a parser that knows no NaN or Infinity."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    record = json.loads(line, parse_constant=refuse)
    assert isinstance(record, dict)
    return record


def test_a_row_comes_back() -> None:
    assert Row.from_json(ROW.to_json()) == ROW
    bare = Row("closed", "r", "camvid", "IoU", 0.5, class_name="road")
    assert Row.from_json(bare.to_json()) == bare


def test_a_line_has_sorted_keys_and_no_line_break() -> None:
    line = replace(ROW, run="a\nb").to_json()
    assert "\n" not in line
    assert list(strict(line)) == sorted(strict(line))


@settings(deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_value_keeps_every_bit(value: float) -> None:
    line = replace(ROW, value=value).to_json()
    assert strict(line)["value"] == value
    assert repr(Row.from_json(line).value) == repr(value)


def test_an_undefined_value_is_null() -> None:
    line = replace(ROW, value=math.nan).to_json()
    assert strict(line)["value"] is None
    assert math.isnan(Row.from_json(line).value)


@pytest.mark.parametrize("value", [math.inf, -math.inf])
def test_infinity_comes_back(value: float) -> None:
    line = replace(ROW, value=value, low=-math.inf, high=math.inf).to_json()
    strict(line)
    found = Row.from_json(line)
    assert (found.value, found.low, found.high) == (value, -math.inf, math.inf)


@settings(deadline=None, max_examples=50)
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_name_comes_back_from_disk(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    folder = RunFolder(tmp_path_factory.getbasetemp() / "any name")
    row = replace(ROW, run=name)
    folder.replace_rows("ood", "camvid_ood", [row, row])
    assert folder.rows() == [row, row]


def test_rows_replace_only_those_of_the_same_task_and_data_set(folder: RunFolder) -> None:
    closed, other = replace(ROW, task="closed"), replace(ROW, dataset="road_anomaly")
    folder.replace_rows("ood", "camvid_ood", [ROW, replace(ROW, metric="AP")])
    folder.replace_rows("closed", "camvid_ood", [closed])
    folder.replace_rows("ood", "road_anomaly", [other])
    fresh = replace(ROW, value=0.9)
    folder.replace_rows("ood", "camvid_ood", [fresh])
    assert folder.rows() == [closed, other, fresh]
    folder.replace_rows("ood", "camvid_ood", [])
    assert folder.rows() == [closed, other]


def test_no_rows(folder: RunFolder) -> None:
    with pytest.raises(InputError, match=f"no results in {folder.path}: wanted results.jsonl; run 'gmmbench eval-ood"):
        folder.rows()


@pytest.mark.parametrize(
    "line",
    [
        b"garbage",
        b"",
        b"[1, 2]",
        b"3",
        b"null",
        b'{"task": "ood"}',
        ROW.to_json()[:-20].encode(),
        ROW.to_json().replace("0.30000000000000004", '"many"').encode(),
        ROW.to_json().replace('"run"', '"runs"').encode(),
        b"\xff\xfe\x00",
    ],
)
def test_a_damaged_row(folder: RunFolder, line: bytes) -> None:
    folder.replace_rows("ood", "camvid_ood", [ROW])
    file = folder.path / ROWS
    file.write_bytes(file.read_bytes() + line + b"\n")
    damaged = file.read_bytes()
    with pytest.raises(InputError, match=f"{re.escape(str(file))}:2 is not a result row"):
        folder.rows()
    with pytest.raises(InputError, match="is not a result row"):
        folder.replace_rows("ood", "camvid_ood", [ROW])
    assert file.read_bytes() == damaged, "rows that could not be read must not be written over"


def test_counts_come_back(folder: RunFolder) -> None:
    counts = ScoreCounts()
    counts.update(np.array([0.5, -np.inf, 3.0], dtype=np.float32), np.array([0, 1, 255], dtype=np.uint8))
    folder.save_counts("camvid_ood", "gmm_max", counts.to_arrays())
    assert ScoreCounts.from_arrays(folder.load_counts("camvid_ood", "gmm_max")) == counts
    confusion = ConfusionMatrix(3)
    confusion.update(np.array([0, 1, 2]), np.array([0, 2, 2], dtype=np.uint8))
    folder.save_counts("camvid", "confusion", confusion.to_arrays())
    assert ConfusionMatrix.from_arrays(folder.load_counts("camvid", "confusion")) == confusion


def test_counts_that_are_missing(folder: RunFolder) -> None:
    with pytest.raises(InputError, match=r"missing .*counts/camvid_ood/msp\.npz; evaluate again"):
        folder.load_counts("camvid_ood", "msp")


def damage(file: Path) -> list[bytes]:
    """What a file may look like after an accident; all of these are found out."""
    whole = file.read_bytes()
    cuts = [whole[:length] for length in (0, 1, 30, len(whole) // 2, len(whole) - 1)]
    method = bytearray(whole)
    method[whole.rindex(b"PK\x01\x02") + 10] = 99  # a compression that nobody knows
    locked = bytearray(whole)
    locked[whole.rindex(b"PK\x01\x02") + 8] |= 1  # encrypted
    flipped = bytearray(whole)
    flipped[60] ^= 0xFF
    return [*cuts, b"garbage" * 50, bytes(method), bytes(locked), bytes(flipped)]


def test_damaged_counts(folder: RunFolder) -> None:
    folder.save_counts("camvid_ood", "msp", {"keys": np.arange(1000), "in": np.ones(3)})
    file = folder.path / "counts" / "camvid_ood" / "msp.npz"
    for content in damage(file):
        file.write_bytes(content)
        with pytest.raises(InputError, match=f"{re.escape(str(file))} is damaged .*evaluate again"):
            folder.load_counts("camvid_ood", "msp")
    with file.open("wb") as plain:
        np.save(plain, np.arange(3))
    with pytest.raises(InputError, match="is damaged"):
        folder.load_counts("camvid_ood", "msp")


def test_pickles_are_not_loaded(folder: RunFolder) -> None:
    file = folder.path / "counts" / "camvid_ood" / "msp.npz"
    file.parent.mkdir(parents=True)
    np.savez(file, keys=np.array([{"run": "me"}], dtype=object))
    with pytest.raises(InputError, match="is damaged"):
        folder.load_counts("camvid_ood", "msp")


def test_pictures_come_back_in_order_under_safe_names(folder: RunFolder) -> None:
    for number, name in [(1, "b_ü/../x y.z"), (0, "second_1")]:
        arrays = {"image": np.full((2, 3, 3), number, dtype=np.uint8), "score/msp": np.ones((2, 3), dtype=np.float32)}
        folder.save_picture("camvid_ood", number, name, arrays)
    found = list(folder.pictures("camvid_ood"))
    assert [name for name, _ in found] == ["second_1", "b_ü----x-y-z"]
    assert [int(arrays["image"].max()) for _, arrays in found] == [0, 1]
    assert found[0][1]["score/msp"].dtype == np.float32
    assert {file.parent for file in folder.path.rglob("*.npz")} == {folder.path / "pictures" / "camvid_ood"}


def test_a_damaged_picture(folder: RunFolder) -> None:
    folder.save_picture("camvid_ood", 0, "x", {"image": np.zeros(1)})
    [file] = folder.path.rglob("*.npz")
    file.write_bytes(file.read_bytes()[:-5])
    with pytest.raises(InputError, match=f"{file} is damaged"):
        list(folder.pictures("camvid_ood"))
