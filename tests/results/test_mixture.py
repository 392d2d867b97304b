"""What a mixture learnt on disk: whole or as it was."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gmmbench.errors import InputError
from gmmbench.results import RunFolder
from gmmbench.results.mixture import ABOUT, MIXTURE, PATCHES, SUMMARY, load_about, load_patches, mixture_staging


def store(run: Path, value: float) -> None:
    with mixture_staging(run) as staged:
        staged.commit({"share": np.array([value])}, {"patches": np.zeros((1, 2), np.uint8)}, {"seed": value, "ä": None})


def test_what_is_stored_comes_back_and_replaces_what_was_there(tmp_path: Path) -> None:
    run = tmp_path / "deep" / "run"
    assert RunFolder(run).mixture() is None
    for value in (0.25, 0.75):
        store(run, value)
        found = RunFolder(run).mixture()
        assert found is not None
        assert found["share"].tolist() == [value]
        assert load_about(run) == {"seed": value, "ä": None}
        assert load_patches(run)["patches"].shape == (1, 2)
    assert [file.name for file in run.iterdir()] == [MIXTURE]


def fail_half_way(run: Path) -> None:
    with mixture_staging(run) as staged:
        (staged.here / "something").write_text("unfinished")
        raise RuntimeError("half way")


def test_an_error_leaves_what_was_there(tmp_path: Path) -> None:
    store(tmp_path / "old", 1.0)
    for run in (tmp_path / "old", tmp_path / "new"):
        with pytest.raises(RuntimeError, match="half way"):
            fail_half_way(run)
    found = RunFolder(tmp_path / "old").mixture()
    assert found is not None
    assert found["share"].tolist() == [1.0]
    assert [file.name for file in tmp_path.iterdir()] == ["old"]  # no trace of the new one


def test_damage_names_the_file_and_the_remedy(tmp_path: Path) -> None:
    store(tmp_path, 1.0)
    folder = tmp_path / MIXTURE
    (folder / SUMMARY).write_bytes((folder / SUMMARY).read_bytes()[:-30])
    (folder / PATCHES).unlink()
    (folder / ABOUT).write_text("[]")
    for name, load in ((SUMMARY, RunFolder(tmp_path).mixture), (PATCHES, lambda: load_patches(tmp_path)),
                       (ABOUT, lambda: load_about(tmp_path))):  # fmt: skip
        with pytest.raises(InputError, match=rf"{name}.*gmmbench inspect"):
            load()


def test_a_file_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("not a folder")
    with pytest.raises(InputError, match="cannot write"), mixture_staging(tmp_path / "run"):
        pass
