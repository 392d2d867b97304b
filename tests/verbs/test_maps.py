"""Score maps that other code computed, evaluated: those of our own model give its numbers."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gmmbench.cli import main
from gmmbench.errors import InputError
from gmmbench.results import Row, RunFolder
from gmmbench.verbs import Measuring, OodSets, OurModel, eval_maps, eval_model, export_maps

Found = Callable[[list[Row]], dict[tuple[str | None, str], float]]


@pytest.fixture
def maps(softmax: OurModel, tiny_tree: Path, tmp_path: Path) -> Path:
    """Energy of CamVid-OOD, .npy."""
    assert export_maps(softmax, ["camvid_ood"], tiny_tree, tmp_path / "maps", score="energy") == 4
    return tmp_path / "maps" / "camvid_ood"


def numbers(rows: list[Row]) -> list[tuple[str, float, float | None, float | None]]:
    return [(row.metric, row.value, row.low, row.high) for row in rows]


@pytest.mark.parametrize(
    "measuring", [Measuring(), Measuring(exact=True), Measuring("smiyc"), Measuring("pytorch-ood", blur=1.0, limit=3)]
)
def test_our_own_maps_give_our_own_numbers(
    measuring: Measuring, maps: Path, softmax: OurModel, camvid_ood: OodSets, tmp_path: Path
) -> None:
    ours, _ = eval_model(softmax, camvid_ood, measuring, scores="energy", out=tmp_path / "ours")
    theirs, notes = eval_maps(maps, camvid_ood, measuring, out=tmp_path / "theirs")
    assert numbers(theirs) == numbers(ours)
    assert ours[0].counts == theirs[0].counts
    read = measuring.limit or 4
    assert notes == [f"maps were stored as float32 (as evaluated): {read} maps"]
    for kind in ("", ".images"):
        name = f"counts/camvid_ood/{{}}{kind}.npz"
        first = (tmp_path / "ours" / name.format("energy")).read_bytes()
        assert first == (tmp_path / "theirs" / name.format("score_maps")).read_bytes()


def test_what_rows_say_of_their_origin(maps: Path, camvid_ood: OodSets, tmp_path: Path) -> None:
    rows, _ = eval_maps(maps, camvid_ood, out=tmp_path / "run", name="theirs")
    about = rows[0].provenance
    assert {(row.run, row.score, row.family) for row in rows} == {("theirs", "score_maps", "outside")}
    assert about["checkpoint"] is None
    assert about["config"] == f"--score-maps {maps}"
    words = about["protocol"]
    assert words["network input"] == "not ours: score maps made elsewhere"
    changed = np.load(next(maps.glob("*.npy")))
    changed[0, 0] += 1
    np.save(next(maps.glob("*.npy")), changed)
    again, _ = eval_maps(maps, camvid_ood, out=tmp_path / "run")
    assert again[0].provenance["checkpoint_sha256"] != about["checkpoint_sha256"], "its files are its weights"
    assert {row.run for row in again} == {"camvid_ood"}, "the folder's name"


@pytest.mark.parametrize("negated", [False, True])
def test_the_command_of_a_row_gives_its_rows_again(
    negated: bool, maps: Path, camvid_ood: OodSets, tiny_tree: Path, tmp_path: Path
) -> None:
    rows, _ = eval_maps(maps, camvid_ood, Measuring(blur=0.5, limit=3), negated=negated, out=tmp_path / "run")
    [command] = {row.provenance["command"] for row in rows}
    words = [*shlex.split(command)[1:], "--data-root", str(tiny_tree), "--out", str(tmp_path / "again")]
    assert main(words) == 0
    again = RunFolder(tmp_path / "again").rows()
    assert [replace(row, provenance={}) for row in again] == [replace(row, provenance={}) for row in rows]
    assert again[0].provenance["checkpoint_sha256"] == rows[0].provenance["checkpoint_sha256"]


def test_confidences_are_turned_round(maps: Path, camvid_ood: OodSets, tmp_path: Path, found: Found) -> None:
    turned = tmp_path / "turned"
    turned.mkdir()
    for file in maps.glob("*.npy"):
        np.save(turned / file.name, -np.load(file))
    plain, _ = eval_maps(maps, camvid_ood, out=tmp_path / "1")
    negated, _ = eval_maps(turned, camvid_ood, negated=True, out=tmp_path / "2")
    assert numbers(plain) == numbers(negated)
    assert "sign changed" in negated[0].provenance["scores"]["score_maps"]
    wrong, _ = eval_maps(turned, camvid_ood, out=tmp_path / "3")
    key = "score_maps", "AUROC"
    assert found(wrong)[key] == pytest.approx(1 - found(plain)[key], abs=1e-4)


def test_maps_that_are_missing_or_too_many(maps: Path, camvid_ood: OodSets, tmp_path: Path) -> None:
    (maps / "strange.npy").write_bytes(b"garbage")
    _, notes = eval_maps(maps, camvid_ood, out=tmp_path / "run")
    assert notes[0] == f"1 files in {maps} belong to no image, first strange.npy"
    last = sorted(maps.glob("0001TP*.npy"))[-1]
    last.unlink()
    (tmp_path / "run" / "results.jsonl").unlink()
    with pytest.raises(InputError, match=f"1 of 4 images have no score map in {maps}, first '{last.stem}'"):
        eval_maps(maps, camvid_ood, out=tmp_path / "other")
    assert not (tmp_path / "other").exists()
    rows, _ = eval_maps(maps, camvid_ood, Measuring(limit=3), out=tmp_path / "few")
    assert rows[0].counts["images"] == 3, "no map is asked for of images that are not looked at"


def test_a_map_that_is_nan_or_of_another_size(maps: Path, camvid_ood: OodSets, tmp_path: Path) -> None:
    file = sorted(maps.glob("*.npy"))[2]
    whole = np.load(file)
    for bad, said in ((np.where(whole > -9e9, np.nan, whole), "is NaN at"), (whole[:, :-1], "its labels are")):
        np.save(file, bad)
        with pytest.raises(InputError, match=f"{file.name}.* {said}"):
            eval_maps(maps, camvid_ood, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_names_are_checked_first(tmp_path: Path, tiny_tree: Path, camvid_ood: OodSets) -> None:
    for sets, measuring, said in (
        (OodSets(("camvid_odd",), None, tiny_tree), Measuring(), "unknown data set 'camvid_odd'"),
        (camvid_ood, Measuring("pebble"), "unknown protocol 'pebble'; did you mean 'pebal'"),
        (camvid_ood, Measuring(blur=-1), "--blur -1"),
        (camvid_ood, Measuring(), "no folder nowhere; --score-maps wants one"),
    ):
        with pytest.raises(InputError, match=said):
            eval_maps(Path("nowhere"), sets, measuring, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()
