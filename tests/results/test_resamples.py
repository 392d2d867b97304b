"""Resampled values on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gmmbench.errors import InputError
from gmmbench.results import RunFolder
from gmmbench.results.arrays import save_arrays
from gmmbench.results.resamples import digest_of, write_resamples

NAMES = ["a", "b"]
VALUES = {"AP": np.array([0.1, np.nan, 0.3]), "AUROC, image mean": np.array([0.5, 0.25, np.inf])}


def test_what_was_written_is_read(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    write_resamples(folder.counts_file("streets", "msp.resamples"), NAMES, VALUES)
    found = folder.resamples("streets", "msp")
    assert found is not None
    assert found.images == digest_of(NAMES)
    assert list(found.values) == list(VALUES)
    for metric, drawn in VALUES.items():
        np.testing.assert_array_equal(found.values[metric], drawn)


def test_order_and_names_of_images_matter() -> None:
    assert len({digest_of(names) for names in (["a", "b"], ["b", "a"], ["ab"], ["a", "c"])}) == 4


def test_an_older_run_folder_has_none(tmp_path: Path) -> None:
    assert RunFolder(tmp_path).resamples("streets", "msp") is None


@pytest.mark.parametrize(
    "arrays",
    [
        {"metric/AP": np.zeros(3)},
        {"images": np.array("x"), "metric/AP": np.zeros(3), "metric/F1": np.zeros(4)},
        {"images": np.array("x"), "metric/AP": np.zeros(3, dtype=np.int64)},
    ],
)
def test_another_archive_is_refused(tmp_path: Path, arrays: dict[str, np.ndarray]) -> None:
    folder = RunFolder(tmp_path)
    save_arrays(folder.counts_file("streets", "msp.resamples"), arrays)
    with pytest.raises(InputError, match=r"msp\.resamples\.npz holds no resamples"):
        folder.resamples("streets", "msp")
