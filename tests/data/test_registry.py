"""The registries of data sets, and the table that lists them."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from gmmbench.data import CLOSED_SETS, DATASETS, closed_set, ood_set
from gmmbench.data.registry import UNLABELLED, existing_root
from gmmbench.errors import InputError
from gmmbench.listings import data_sets as listing


def lines(root: Path) -> dict[str, str]:
    """The listing, line by line, by data set."""
    console = Console(file=io.StringIO(), width=400)
    console.print(listing(root))
    printed = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    return {line.split()[0]: " ".join(line.split()) for line in printed[1:]}


def test_by_name(camvid_tree: Path, road_anomaly_tree: Path) -> None:
    assert len(ood_set("camvid_ood", camvid_tree)) == 3
    assert len(ood_set("road_anomaly", road_anomaly_tree)) == 3
    assert len(closed_set("camvid").load(camvid_tree, "train")) == 4


@pytest.mark.parametrize("name", CLOSED_SETS)
def test_a_closed_set_has_a_colour_for_each_class(name: str) -> None:
    closed = closed_set(name)
    assert len(closed.palette) == len(closed.classes) == len(set(closed.classes))
    assert all(0 <= value <= 255 for colour in closed.palette for value in colour)


def test_an_unknown_data_set(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unknown data set 'road_anomoly'; did you mean 'road_anomaly'\\?") as caught:
        ood_set("road_anomoly", tmp_path)
    assert all(name in str(caught.value) for name in DATASETS)
    with pytest.raises(
        InputError, match="unknown closed set 'vistas'; known: ade20k, camvid, cityscapes, coco_stuff10k, street"
    ):
        closed_set("vistas")


def test_a_data_root_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for root in (tmp_path / "nowhere", tmp_path / "file"):
        with pytest.raises(InputError, match=f"no data root at {root}; pass --data-root or set GMMBENCH_DATA"):
            ood_set("camvid_ood", root)
    assert existing_root(tmp_path) == tmp_path


def test_the_listing_counts_what_is_there(camvid_tree: Path) -> None:
    found = lines(camvid_tree)
    assert list(found) == [*CLOSED_SETS, *DATASETS, *UNLABELLED]
    assert found["camvid"].startswith("camvid closed incomplete 4/2/3 of 367/101/233 CamVid")
    assert found["camvid_ood"].startswith("camvid_ood OOD incomplete 3 of 117 CamVid-OOD")
    assert found["street"].startswith("street closed absent -/-/- of 240/40/60 Street")
    assert found["road_anomaly"].startswith("road_anomaly OOD absent - of 60 RoadAnomaly")
    assert found["road_anomaly21_test"].startswith("road_anomaly21_test OOD, no labels absent - of 100")


def test_the_listing_of_half_a_data_set_and_of_no_folder(camvid_tree: Path, tmp_path: Path) -> None:
    (camvid_tree / "CamVid" / "val.txt").unlink()
    assert lines(camvid_tree)["camvid"].startswith("camvid closed incomplete 4/-/3 of")
    assert lines(tmp_path / "nowhere [bold]")["camvid"].startswith("camvid closed gated -/-/- of")
