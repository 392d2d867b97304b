"""``check`` on trees that are broken on purpose: each fault alone, all of them in one tree, and none in a good one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gmmbench.data import archives, cards, check, presence
from gmmbench.data.check import Report
from gmmbench.data.faults import KINDS, Fault, collecting, complain
from gmmbench.data.presence import look
from gmmbench.data.registry import CLOSED_SETS, DATASETS
from gmmbench.errors import InputError
from gmmbench.labels import IGNORE, IN, OOD

IMAGES = 12
SIZE = (20, 30)

Break = Callable[[Path], str]
"""Breaks the tree; gives what the fault's line must name."""


@pytest.fixture
def tree(data_root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """RoadAnomaly's layout with 12 frames, whose card says so, and an archive with its checksum."""
    rng = np.random.default_rng(2)
    folder = data_root / "RoadAnomaly_jpg"
    (folder / "frames").mkdir(parents=True)
    for index in range(IMAGES):
        image, mask = files(data_root, index)
        mask.parent.mkdir()
        labels = np.zeros(SIZE, dtype=np.uint8)
        labels[:5, :6] = 2 if index else 0  # the first has no anomaly
        Image.fromarray(rng.integers(0, 256, (*SIZE, 3)).astype(np.uint8)).save(image)
        Image.fromarray(labels).save(mask)
    write_list(data_root, [f"frame{index:02d}.jpg" for index in range(IMAGES)])
    (data_root / "downloads").mkdir()
    (data_root / "downloads" / "frames.zip").write_bytes(b"as published")
    about = cards.card("road_anomaly") | {
        "expected": {"images": IMAGES},
        "download": [
            {
                "url": "https://example.org/frames.zip",
                "checksum": "md5:" + 32 * "0",
                "archive": "frames.zip",
                "unpack_to": ".",
            },
            {"url": "https://example.org/more.zip", "checksum": "none", "archive": "more.zip"},
        ],
    }
    [first, _] = archives.sources(about)
    about["download"][0]["checksum"] = archives.found_checksum(first, data_root / "downloads" / "frames.zip")
    use_card(monkeypatch, about)
    return data_root


def use_card(monkeypatch: pytest.MonkeyPatch, about: dict[str, Any]) -> None:
    for module in (check, presence):
        monkeypatch.setattr(module, "card", lambda name: about)


def files(root: Path, index: int) -> tuple[Path, Path]:
    frames = root / "RoadAnomaly_jpg" / "frames"
    return frames / f"frame{index:02d}.jpg", frames / f"frame{index:02d}.labels" / "labels_semantic.png"


def write_list(root: Path, names: list[str]) -> None:
    (root / "RoadAnomaly_jpg" / "frame_list.json").write_text(json.dumps(names))


def relist(root: Path, change: Callable[[list[str]], list[str]]) -> None:
    listing = root / "RoadAnomaly_jpg" / "frame_list.json"
    write_list(root, change(json.loads(listing.read_text())))


def truncate(file: Path) -> str:
    file.write_bytes(file.read_bytes()[: file.stat().st_size * 2 // 3])
    return str(file)


def no_mask(root: Path) -> str:
    image, mask = files(root, 1)
    mask.unlink()
    return str(image)


def no_image(root: Path) -> str:
    image, mask = files(root, 2)
    image.unlink()
    return str(mask)


def no_file(root: Path) -> str:
    for file in files(root, 3):
        file.unlink()
    return "frame03"


def unlisted(root: Path) -> str:
    relist(root, lambda names: [name for name in names if name != "frame04.jpg"])
    return str(files(root, 4)[1])


def twice(root: Path) -> str:
    relist(root, lambda names: [*names, "frame05.jpg"])
    return "frame05"


def empty(root: Path) -> str:
    files(root, 6)[0].write_bytes(b"")
    return str(files(root, 6)[0])


def damaged_image(root: Path) -> str:
    return truncate(files(root, 7)[0])


def damaged_mask(root: Path) -> str:
    return truncate(files(root, 8)[1])


def colours(root: Path) -> str:
    mask = files(root, 9)[1]
    Image.open(mask).convert("RGB").save(mask)
    return f"{mask} has pixel format RGB"


def other_size(root: Path) -> str:
    mask = files(root, 10)[1]
    Image.open(mask).resize((7, 5), Image.Resampling.NEAREST).save(mask)
    return f"{mask} is 7x5 pixels but its image frame10.jpg is 30x20"


def strange_value(root: Path) -> str:
    mask = files(root, 11)[1]
    labels = np.asarray(Image.open(mask)).copy()
    labels[10, :9] = 7
    Image.fromarray(labels).save(mask)
    return f"{mask} has label value 7 in 9 pixels; known: 0, 2"


def another_archive(root: Path) -> str:
    (root / "downloads" / "frames.zip").write_bytes(b"as somebody else published")
    return str(root / "downloads" / "frames.zip")


def fewer(root: Path) -> str:
    relist(root, lambda names: names[1:])
    for file in files(root, 0):
        file.unlink()
    return "the card says 12"


BREAKS: dict[Break, str] = {
    no_mask: "image without mask",
    no_image: "mask without image",
    no_file: "pair without files",
    unlisted: "not in the list",
    twice: "listed twice",
    empty: "empty file",
    damaged_image: "unreadable file",
    damaged_mask: "unreadable file",
    colours: "unreadable file",
    other_size: "sizes differ",
    strange_value: "unknown label value",
    another_archive: "wrong checksum",
    fewer: "wrong count",
}
COSTS_AN_IMAGE = (no_mask, no_image, no_file, unlisted)


def run(root: Path) -> Report:
    return check.check("road_anomaly", root)


def named(report: Report, kind: str, what: str) -> list[Fault]:
    return [fault for fault in report.faults if fault.kind == kind and what in fault.message]


def test_a_good_tree_has_no_fault_and_the_right_figures(tree: Path) -> None:
    told: list[tuple[int, int, str]] = []
    report = check.check("road_anomaly", tree, progress=lambda *what: told.append(what))
    assert report.faults == ()
    [part] = report.parts
    assert (part.found, part.expected) == (IMAGES, IMAGES)
    held = part.contents
    assert (held.images, held.clean) == (IMAGES, 1)
    assert dict(held.sizes) == {SIZE: IMAGES}
    assert held.prevalence == pytest.approx(11 * 30 / (12 * 600))
    assert held.ignore_share == 0
    assert report.archives == {"frames.zip": "right", "more.zip": "not here"}
    assert told == [(index + 1, IMAGES, "road_anomaly") for index in range(IMAGES)]


@pytest.mark.parametrize("broken", BREAKS)
def test_each_fault_alone_is_the_only_one_named(tree: Path, broken: Break) -> None:
    what, kind = broken(tree), BREAKS[broken]
    report = run(tree)
    assert len(named(report, kind, what)) == 1
    expected = {kind} | ({"wrong count"} if broken in COSTS_AN_IMAGE else set())
    assert {fault.kind for fault in report.faults} == expected
    assert all("\n" not in fault.message for fault in report.faults)


def test_none_of_all_faults_together_hides_another(tree: Path) -> None:
    promised = [(broken(tree), kind) for broken, kind in BREAKS.items()]
    report = run(tree)
    for what, kind in promised:
        assert len(named(report, kind, what)) == 1, (what, kind)
    # 2 of an unlisted pair, 1 of each other
    assert len(report.faults) == len(BREAKS) + 1


def test_files_of_one_pair_do_not_hide_each_other(tree: Path) -> None:
    image, mask = files(tree, 3)
    labels = np.full((8, 9), 5, dtype=np.uint8)
    Image.fromarray(labels).save(mask)
    truncate(image)  # its size still stands in its first bytes
    report = run(tree)
    assert [fault.kind for fault in report.faults] == ["unreadable file", "sizes differ", "unknown label value"]
    assert "label value 5 in 72 pixels" in report.faults[2].message


def test_a_mask_without_an_image_is_still_read(tree: Path) -> None:
    image, mask = files(tree, 3)
    image.unlink()
    Image.fromarray(np.full(SIZE, 9, dtype=np.uint8)).save(mask)
    kinds = {fault.kind for fault in run(tree).faults}
    assert kinds == {"mask without image", "unknown label value", "wrong count"}


@pytest.mark.parametrize("content", [None, "no JSON", b"\xff\xfe\x00"])
def test_without_a_list_the_files_are_checked_all_the_same(tree: Path, content: str | bytes | None) -> None:
    listing = tree / "RoadAnomaly_jpg" / "frame_list.json"
    listing.unlink()
    if content is not None:
        listing.write_bytes(content.encode() if isinstance(content, str) else content)
    what = strange_value(tree)
    report = run(tree)
    assert len(named(report, "unknown label value", what)) == 1
    assert len(named(report, "layout" if content is None else "bad list", str(listing))) == 1
    assert len(report.faults) == 2
    with pytest.raises(InputError, match="frame_list"):
        DATASETS["road_anomaly"](tree)


def test_a_folder_that_is_not_there_at_all(tree: Path) -> None:
    shutil.rmtree(tree / "RoadAnomaly_jpg")
    report = run(tree)
    assert {fault.kind for fault in report.faults} == {"layout", "no images"}
    assert np.isnan(report.parts[0].contents.prevalence)


def test_one_lost_folder_does_not_hide_what_is_wrong_in_the_other(data_root: Path) -> None:
    images = data_root / "cityscapes" / "leftImg8bit" / "val" / "bonn"
    images.mkdir(parents=True)
    (images / "bonn_000000_000019_leftImg8bit.png").write_bytes(b"no image")
    report = check.check("cityscapes", data_root, splits=("val",))
    kinds = sorted({fault.kind for fault in report.faults})
    assert kinds == ["image without mask", "layout", "unreadable file"]


def test_a_closed_set_is_checked_split_by_split(camvid_tree: Path) -> None:
    folder = camvid_tree / "CamVid"
    (folder / "val.txt").unlink()
    broken = folder / "val" / "0001TP_008550.png"
    truncate(broken)
    lines = (folder / "test.txt").read_text().splitlines()
    (folder / "test.txt").write_text("\n".join([*lines, "one_word", f"{lines[0].split()[0]} {lines[1].split()[1]}"]))
    report = check.check("camvid", camvid_tree)
    assert [part.name for part in report.parts] == ["camvid train", "camvid val", "camvid test"]
    train, val, test = report.parts
    assert [fault.kind for fault in train.faults] == ["wrong count"]  # 4 of 367
    assert [fault.kind for fault in val.faults] == ["layout", "wrong count", "unreadable file"]
    assert str(broken) in val.faults[2].message
    assert {fault.kind for fault in test.faults} == {"bad list", "listed twice", "wrong count", "file used twice"}
    assert "test.txt:4: wanted an image path" in test.faults[0].message
    assert train.contents.images == 4
    assert train.contents.valid + train.contents.ignored == 4 * 12 * 16


def test_a_mask_of_another_image(camvid_tree: Path) -> None:
    listing = camvid_tree / "CamVid" / "test_ood.txt"
    first, second, third = listing.read_text().splitlines()
    listing.write_text("\n".join([first, f"{second.split()[0]} {first.split()[1]}", third]))
    faults = check.check("camvid_ood", camvid_tree).faults
    assert [fault.kind for fault in faults] == ["not in the list", "wrong count", "file used twice"]
    assert second.split()[1] in faults[0].message
    assert first.split()[1] in faults[2].message


def test_the_record_of_what_was_drawn_says_how_many(data_root: Path) -> None:
    from gmmbench.data.street import write_street

    counts = {"train": 2, "val": 1, "test": 1, "test_ood": 2}
    write_street(data_root, size=(48, 64), counts=counts)
    assert check.check("street", data_root).faults == ()
    assert check.check("street_ood", data_root).parts[0].expected == 2
    assert look("street", data_root).state == "ready"
    (data_root / "Street" / "test_ood" / "test_ood_00001.png").unlink()
    assert [fault.kind for fault in check.check("street_ood", data_root).faults] == [
        "mask without image", "wrong count",
    ]  # fmt: skip
    [record] = (data_root / "Street").glob("*.json")
    for content in ('{"counts": [1]}', '{"counts": {"test_ood": "many"}}', "{"):
        record.write_text(content)
        assert check.check("street_ood", data_root).parts[0].expected is None


def test_figures_against_a_naive_loop(camvid_tree: Path) -> None:
    samples = list(DATASETS["camvid_ood"](camvid_tree))
    held = check.check("camvid_ood", camvid_tree).parts[0].contents
    pixels = [int(value) for sample in samples for value in sample.labels.ravel()]
    assert held.anomalous == sum(value == OOD for value in pixels)
    assert held.valid == sum(value in (IN, OOD) for value in pixels)
    assert held.ignored == sum(value == IGNORE for value in pixels)
    assert held.prevalence == held.anomalous / held.valid
    assert held.ignore_share == held.ignored / len(pixels)


def test_what_cannot_be_asked(camvid_tree: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unknown data set 'camvit'; did you mean 'camvid'"):
        check.check("camvit", camvid_tree)
    with pytest.raises(InputError, match="unknown split of camvid 'tset'; did you mean 'test'"):
        check.check("camvid", camvid_tree, splits=("tset",))
    with pytest.raises(InputError, match="camvid_ood is no closed set and has no splits"):
        check.check("camvid_ood", camvid_tree, splits=("test",))
    with pytest.raises(InputError, match="no data root at"):
        check.check("camvid", tmp_path / "nowhere")


def test_checking_changes_no_file(tree: Path) -> None:
    for broken in BREAKS:
        broken(tree)
    before = {file: file.read_bytes() for file in tree.rglob("*") if file.is_file()}
    run(tree)
    assert {file: file.read_bytes() for file in tree.rglob("*") if file.is_file()} == before


def test_collecting_ends_with_its_block() -> None:
    with collecting() as outer:
        with collecting() as inner:
            complain("layout", "inside")
        complain("layout", "outside")
    assert ([fault.message for fault in inner], [fault.message for fault in outer]) == (["inside"], ["outside"])
    with pytest.raises(InputError, match="alone"):
        complain("layout", "alone")


def test_every_kind_of_fault_can_be_found() -> None:
    """By the tests above: a kind that none of them expects would be a word without a meaning."""
    source = Path(__file__).read_text(encoding="utf-8")
    assert [kind for kind in KINDS if f'"{kind}"' not in source] == []


def test_the_state_of_a_data_set(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = look("road_anomaly", tree)
    assert (there.state, there.found, there.expected, there.use) == ("ready", (IMAGES,), (IMAGES,), "OOD")
    assert there.source == "www.epfl.ch/labs/cvlab/data/road-anomaly"
    monkeypatch.setattr(Image, "open", lambda *_: pytest.fail("an image was opened"))
    no_mask(tree)
    there = look("road_anomaly", tree)
    assert (there.state, there.found) == ("incomplete", (IMAGES - 1,))
    shutil.rmtree(tree / "RoadAnomaly_jpg")
    assert (look("road_anomaly", tree).state, look("road_anomaly", tree).found) == ("absent", (None,))
    assert look("road_anomaly", tree / "nowhere").state == "absent"
    use_card(monkeypatch, cards.card("road_anomaly") | {"gated": "Register."})
    assert look("road_anomaly", tree).state == "gated"


def test_a_data_set_that_is_made_from_another(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    about = {name: cards.card(name) for name in (*CLOSED_SETS, *DATASETS)}
    about["camvid_ood"]["needs"] = {"street": "Street"}
    monkeypatch.setattr(presence, "card", about.__getitem__)
    assert look("camvid_ood", tree).state == "needs street"


def test_the_real_data(real_data: Path) -> None:
    for name, prevalence in (("road_anomaly", 0.0985), ("camvid_ood", 0.0446)):
        report = check.check(name, real_data)
        assert report.faults == ()
        assert report.parts[0].contents.prevalence == pytest.approx(prevalence, abs=5e-5)
