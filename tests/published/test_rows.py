"""The data files are whole, say where each number is from, and a damaged one is refused with the remedy."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from gmmbench.data.registry import CLOSED_SETS, DATASETS, UNLABELLED
from gmmbench.errors import InputError
from gmmbench.published import MARK, TABLES, published
from gmmbench.published.rows import METRICS

NO_REGISTRY_NAME = {
    "cityscapes_test",
    "coco_stuff",
    "fishyscapes_lost_and_found_test",
    "fishyscapes_static_test",
}
"""Splits that others measured on and that gmmbench cannot load."""

GOOD = """
source: "Doe 2024, Table 1"
url: https://example.org/paper
protocol: Whole images.
unit: percent
rows:
  - dataset: road_anomaly
    method: MSP
    note: "ResNet-50"
    values: {AP: "12.40", "F1*": ".72"}
  - dataset: muad
    method: MSP
    url: https://example.org/appendix
    protocol: Half the size.
    values: {AP: "09.05"}
"""

Tables = Callable[[str], Path]


@pytest.fixture
def tables(tmp_path: Path) -> Tables:
    """A folder with one file of this text, another one each time."""

    def write(text: str) -> Path:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        (folder / "doe.yaml").write_text(text, encoding="utf-8")
        return folder

    return write


def test_a_row_keeps_the_printed_digits_and_reads_them_as_fractions(tables: Tables) -> None:
    first, second = published(tables=tables(GOOD))
    assert (first.dataset, first.method, first.note, first.url) == (
        "road_anomaly", "MSP", "ResNet-50", "https://example.org/paper",
    )  # fmt: skip
    assert dict(first.printed) == {"AP": "12.40", "F1*": ".72"}
    assert dict(first.values) == {"AP": 0.124, "F1*": 0.0072}
    assert (second.printed["AP"], second.values["AP"]) == ("09.05", 0.0905)
    assert (second.url, second.protocol, second.note) == (
        "https://example.org/appendix", "Whole images. Half the size.", "",
    )  # fmt: skip


def test_fractions_become_percent_without_losing_or_making_digits(tables: Tables) -> None:
    text = GOOD.replace("unit: percent", "unit: fraction").replace('"12.40"', '"0.1240"').replace('"09.05"', '"1.0"')
    first, second = published(tables=tables(text.replace('".72"', '"0.00000072"')))
    assert dict(first.printed) == {"AP": "12.40", "F1*": "0.000072"}
    assert dict(first.values) == {"AP": 0.124, "F1*": 7.2e-7}
    assert dict(second.values) == {"AP": 1.0}


def test_rows_of_one_data_set(tables: Tables) -> None:
    folder = tables(GOOD)
    assert [row.dataset for row in published("muad", tables=folder)] == ["muad"]
    assert published("no_such_set", tables=folder) == ()


def test_a_row_cannot_be_changed_by_its_reader() -> None:
    row = published()[0]
    with pytest.raises(dataclasses.FrozenInstanceError):
        row.method = "mine"  # type: ignore[misc]
    with pytest.raises(TypeError):
        row.values["AP"] = 1.0  # type: ignore[index]


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("AP:", "AUPR:", "row 1: unknown metric 'AUPR'; did you mean"),
        ("AP:", "F1 threshold:", "row 1: unknown metric 'F1 threshold'"),
        ('"12.40"', "12.40", "row 1: AP is 12.4, not quoted"),
        ('"12.40"', '"n/a"', "row 1: AP is 'n/a'; wanted a number as printed; leave out what is unknown"),
        ('"12.40"', '"nan"', "row 1: AP is nan; wanted 0 to 100"),
        ('"12.40"', '"124.0"', "row 1: AP is 124.0; wanted 0 to 100"),
        ('"12.40"', '"-1"', "row 1: AP is -1; wanted 0 to 100"),
        ("unit: percent", "unit: fraction", "row 1: AP is 12.40; wanted 0 to 1, which the file's 'unit' says"),
        ("unit: percent", "unit: promille", "unit is 'promille'; wanted one of percent, fraction"),
        ('source: "Doe 2024, Table 1"\n', "", "has no 'source'; wanted source, protocol, unit, rows"),
        ('source: "Doe 2024, Table 1"', 'source: ""', "'source' is ''; wanted a text"),
        ("    method: MSP\n    note", "    note", "row 1 has no 'method'; wanted dataset, method, values"),
        ("method: MSP", "method: 3", "row 1: 'method' is 3; wanted a text"),
        ("protocol: Half", "protocoll: Half", "row 2: unknown key 'protocoll'; did you mean 'protocol'"),
        ('{AP: "09.05"}', "{}", "row 2: 'values' holds no numbers by metric"),
        ("dataset: muad", 'dataset: road_anomaly\n    note: "ResNet-50"', None),
        ("- dataset: muad", "- 3\n  - dataset: muad", "row 2 is no mapping of keys to values"),
        ("rows:", "rows: 3\nmore:", "unknown key 'more'"),
        ("source:", "\tsource:", "cannot be read as YAML"),
    ],
)
def test_a_damaged_file_is_refused(tables: Tables, old: str, new: str, complaint: str | None) -> None:
    assert old in GOOD
    folder = tables(GOOD.replace(old, new, 1))
    if complaint is None:  # same method and set, another protocol: two rows
        assert len(published("road_anomaly", tables=folder)) == 2
        return
    with pytest.raises(InputError) as raised:
        published(tables=folder)
    assert complaint in str(raised.value)
    assert "doe.yaml" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_row_that_stands_twice_is_refused(tables: Tables) -> None:
    start = GOOD.index("  - dataset: road_anomaly")
    again = GOOD + GOOD[start : GOOD.index("  - dataset: muad")]
    with pytest.raises(InputError, match="row 3: MSP on road_anomaly stands here twice"):
        published(tables=tables(again))


def test_no_files_no_rows_and_bad_bytes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no tables .* install gmmbench again"):
        published(tables=tmp_path)
    (tmp_path / "x.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="cannot be read as YAML"):
        published(tables=tmp_path)


def test_the_shipped_rows_name_known_data_sets() -> None:
    named = {row.dataset for row in published()}
    assert named - {*DATASETS, *UNLABELLED, *CLOSED_SETS} == NO_REGISTRY_NAME


def test_the_shipped_rows_say_where_they_are_from() -> None:
    assert MARK == "published, not re-run"
    for row in published():
        assert row.source
        assert row.protocol
        assert row.method == row.method.strip()
        assert row.url is None or row.url.startswith("https://")
        assert set(row.values) == set(row.printed) <= set(METRICS)
        for metric, value in row.values.items():
            assert value == float(Decimal(row.printed[metric]) / 100)


def test_closed_sets_have_miou_and_ood_sets_have_not() -> None:
    closed = {*CLOSED_SETS, "cityscapes_test", "coco_stuff"}
    for row in published():
        assert ("mIoU" in row.values) == (row.dataset in closed), row


def test_the_files_are_packed() -> None:
    setup = (Path(__file__).parents[2] / "setup.py").read_text(encoding="utf-8")
    assert '"gmmbench.published": ["tables/*.yaml"]' in setup
    assert {file.suffix for file in TABLES.iterdir()} == {".yaml"}
    assert sum(len(yaml.safe_load(file.read_text("utf-8"))["rows"]) for file in TABLES.iterdir()) == len(published())
