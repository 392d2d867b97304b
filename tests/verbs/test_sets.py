"""Which OOD sets a request names."""

from __future__ import annotations

from pathlib import Path

import pytest

from gmmbench.data import ood_set
from gmmbench.errors import InputError
from gmmbench.verbs import OodSets
from gmmbench.verbs.setting import command_line


def test_registered_sets_come_in_the_order_asked(tiny_tree: Path) -> None:
    sets = OodSets(("road_anomaly21", "camvid_ood", "road_anomaly21"), None, tiny_tree).load()
    assert list(sets) == ["road_anomaly21", "camvid_ood"]
    assert len(sets["camvid_ood"].images) == 4
    assert sets["camvid_ood"].facts["name"] == "camvid_ood"
    assert {"title", "citation", "licence", "note", "frames_may_be_shown"} <= set(sets["camvid_ood"].facts)


@pytest.mark.parametrize(("name", "track"), [("road_anomaly21", "anomaly"), ("camvid_ood", "anomaly")])
def test_a_card_says_how_small_an_object_may_be(name: str, track: str, tiny_tree: Path) -> None:
    assert OodSets((name,), None, tiny_tree).load()[name].track == track


def test_obstacles_are_small(tmp_path: Path, tiny_tree: Path) -> None:
    for kind, suffix in (("images", ".webp"), ("labels_masks", "_labels_semantic.png")):
        source = next((tiny_tree / "dataset_AnomalyTrack" / kind).glob("validation0000*"))
        target = tmp_path / "dataset_ObstacleTrack" / kind / f"validation_1{suffix}"
        target.parent.mkdir(parents=True)
        target.write_bytes(source.read_bytes())
    assert OodSets(("road_obstacle21",), None, tmp_path).load()["road_obstacle21"].track == "obstacle"


def test_a_set_of_ones_own(tiny_tree: Path) -> None:
    camvid = tiny_tree / "CamVid"
    own = ("my_own-1", camvid / "test_ood", camvid / "testannot_ood", "0-10=in,11=ignore,12=ood")
    sets = OodSets(("camvid_ood",), own, tiny_tree)
    found = sets.load()
    assert list(found) == ["camvid_ood", "my_own-1"]
    theirs = ood_set("camvid_ood", tiny_tree)
    for one, other in zip(found["my_own-1"].images, theirs, strict=True):
        assert (one.labels == other.labels).all()
    assert found["my_own-1"].facts["frames_may_be_shown"] is False, "nobody said that they may"
    assert sets.option("camvid_ood") == {"datasets": "camvid_ood"}
    words = f"--folder my_own-1 {own[1]} {own[2]} 0-10=in,11=ignore,12=ood"
    assert command_line("eval-ood", **sets.option("my_own-1")) == f"gmmbench eval-ood {words}"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("camvid_ood", "that is a registered data set; call yours something else"),
        ("a/b", "wanted a name of letters, digits, - and _"),
        ("..", "wanted a name of letters, digits, - and _"),
        ("", "wanted a name of letters, digits, - and _"),
    ],
)
def test_a_name_that_cannot_be_had(name: str, said: str, tiny_tree: Path) -> None:
    camvid = tiny_tree / "CamVid"
    with pytest.raises(InputError, match=said):
        OodSets((), (name, camvid / "test_ood", camvid / "testannot_ood", "0=in,1=ood"), tiny_tree).load()


def test_what_is_not_there(tiny_tree: Path, tmp_path: Path) -> None:
    for names, root, said in (
        ((), tiny_tree, "no data set named; wanted --datasets NAMES"),
        (("camvid_odd",), tiny_tree, "unknown data set 'camvid_odd'; did you mean 'camvid_ood'?"),
        (("road_anomaly21_test",), tiny_tree, "has no public labels and cannot be evaluated here; export score maps"),
        (("camvid_ood",), tmp_path / "nowhere", "no data root at"),
        (("street_hazards",), tiny_tree, "street_hazards|StreetHazards"),
    ):
        with pytest.raises(InputError, match=said):
            OodSets(names, None, root).load()
