"""Synthetic sets as a whole: labels, shares, determinism, the record, and what stands in the way."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from gmmbench.cli_data import data_app
from gmmbench.data.synth import (
    ANOMALY,
    EMPTY,
    KNOWN,
    Backgrounds,
    Cutout,
    Recipe,
    compose,
    composing,
    load_cutouts,
    of_closed_set,
    of_folder,
    synth,
    write_synth,
)
from gmmbench.data.synth.blending import BLENDS
from gmmbench.errors import InputError
from gmmbench.labels import IGNORE, IN, OOD

SHAPE = (72, 96)
SCENES = 5
RECIPE = Recipe(smallest=20, metres=(0.8, 1.6), empty=0.2, known=0.3)


def scene(number: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A CamVid street: sky 0, road 3 from row 26, a car 8 somewhere on it, void 11 below and in a post."""
    rng = np.random.default_rng(number)
    labels = np.zeros(SHAPE, np.uint8)
    labels[26:] = 3
    left, foot = 8 + 9 * number, 42 + 2 * number
    labels[foot - 9 : foot, left : left + 16] = 8
    labels[-5:] = labels[:40, 90:92] = 11
    image = rng.integers(90, 120, (*SHAPE, 3)).astype(np.uint8)
    image[labels == 8] = rng.integers(0, 60, (int((labels == 8).sum()), 3))
    return image, labels


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data root with CamVid's test split, and cut-outs of both kinds beside it."""
    root = tmp_path_factory.mktemp("root")
    lines = []
    for number in range(SCENES):
        name = f"0001TP_{number:06d}.png"
        image, labels = scene(number)
        save(root / "CamVid" / "test" / name, image)
        save(root / "CamVid" / "testannot" / name, labels)
        lines.append(f"test/{name} testannot/{name}\n")
    (root / "CamVid" / "test.txt").write_text("".join(lines))
    rng = np.random.default_rng(99)
    rows, columns = np.mgrid[:40, :50]
    disc = np.hypot(rows - 20, columns - 25) < 18
    pixels = np.dstack([rng.integers(180, 256, (40, 50, 3)), 255 * disc]).astype(np.uint8)
    save(root / "cutouts" / "disc.png", pixels)
    save(root / "cutouts" / "images" / "box.png", rng.integers(0, 256, (30, 30, 3)).astype(np.uint8))
    mask = np.zeros((30, 30), np.uint8)
    mask[5:28, 4:20] = 7
    save(root / "cutouts" / "masks" / "box.png", mask)
    (root / "cutouts" / "metres.json").write_text('{"box": 1.2}')
    return root


def save(path: Path, pixels: NDArray[np.uint8]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


@pytest.fixture(scope="module")
def backgrounds(root: Path) -> Backgrounds:
    return of_closed_set("camvid", root, "test")


@pytest.fixture(scope="module")
def cutouts(root: Path) -> list[Cutout]:
    return load_cutouts(root / "cutouts")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, backgrounds: Backgrounds, cutouts: list[Cutout]) -> Path:
    return write_synth(tmp_path_factory.mktemp("made") / "set", backgrounds, cutouts, RECIPE, count=24).folder


def record(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "synth.json").read_text())
    return content


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_labels_say_what_shows_and_all_else_is_the_background(made: Path, backgrounds: Backgrounds) -> None:
    samples = {sample.name: sample for sample in synth(made)}
    images = record(made)["images"]
    assert sorted(samples) == [entry["name"] for entry in images]
    for entry in images:
        sample = samples[entry["name"]]
        image, classes = scene(int(entry["background"].split("_")[1]))
        objects = np.zeros(SHAPE, bool)
        around = np.zeros(SHAPE, bool)
        for thing in entry["objects"]:
            left, top, right, bottom = thing["box"]
            box = np.s_[top : bottom + 1, left : right + 1]
            if thing["label"] == OOD:
                assert (sample.labels[box] == OOD).sum() == thing["pixels"]
                objects[box] |= sample.labels[box] == OOD
            else:
                objects[box] = True  # IN on IN: the box is all that labels tell
            margin = 12
            around[max(0, top - margin) : bottom + margin + 1, max(0, left - margin) : right + margin + 1] = True
        np.testing.assert_array_equal(sample.image[~around], image[~around])
        expected = np.where(classes == 11, IGNORE, IN)
        np.testing.assert_array_equal(sample.labels[~objects], expected[~objects])
        assert {EMPTY: set(), KNOWN: {IN}, ANOMALY: {OOD}}[entry["kind"]] == {one["label"] for one in entry["objects"]}
        changed = (sample.image != image).any(axis=2)
        if entry["kind"] == EMPTY:
            assert not changed.any()
        if entry["kind"] == ANOMALY:
            assert changed[sample.labels == OOD].mean() > 0.9
        if entry["kind"] == KNOWN:
            assert changed.any()
            assert not (sample.labels == OOD).any()
            assert all(one["class"] == "car" and one["cut_from"] != entry["background"] for one in entry["objects"])


@pytest.mark.parametrize("blend", ["alpha", "poisson"])
def test_the_mask_is_where_alpha_is_at_least_half(
    blend: str, backgrounds: Backgrounds, cutouts: list[Cutout], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Catches what is handed to the blend, and holds labels and image against it."""
    recipe = Recipe(smallest=20, metres=(0.8, 1.6), empty=0.0, known=0.0, most=1, blend=blend)
    seen: list[tuple[NDArray[np.uint8], NDArray[np.float32]]] = []

    def spy(background: NDArray[np.uint8], colours: NDArray[np.float32], alpha: NDArray[np.float32]) -> Any:
        seen.append((background.copy(), alpha.copy()))
        return BLENDS[blend](background, colours, alpha)

    monkeypatch.setattr(composing, "BLENDS", {blend: spy})
    for number in range(6):
        seen.clear()
        made = compose(number, recipe, backgrounds, cutouts)
        [(before, alpha)] = seen
        left, top, right, bottom = made.objects[0]["box"]
        rows, columns = np.nonzero(alpha >= 0.5)
        box = np.s_[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
        np.testing.assert_array_equal(made.labels[top : bottom + 1, left : right + 1] == OOD, alpha[box] >= 0.5)
        assert (made.labels == OOD).sum() == (alpha >= 0.5).sum()
        start = top - rows.min(), left - columns.min()
        window = made.image[start[0] : start[0] + alpha.shape[0], start[1] : start[1] + alpha.shape[1]]
        untouched = alpha == 0 if blend == "alpha" else alpha < 0.5
        np.testing.assert_array_equal(window[untouched], before[untouched])


def test_shares_and_kinds(made: Path) -> None:
    kinds = Counter(entry["kind"] for entry in record(made)["images"])
    kinds.update(entry["kind"] for entry in record(made)["skipped"])
    assert kinds.total() == 24
    assert abs(kinds[EMPTY] - 4.8) <= 2
    assert abs(kinds[KNOWN] - 7.2) <= 2
    backgrounds = Counter(entry["background"] for entry in record(made)["images"] + record(made)["skipped"])
    assert set(backgrounds.values()) <= {4, 5}  # each once before any twice


def test_equal_arguments_make_equal_bytes_whoever_works(
    made: Path, tmp_path: Path, backgrounds: Backgrounds, cutouts: list[Cutout]
) -> None:
    calls: list[tuple[int, int]] = []
    write_synth(
        tmp_path / "again", backgrounds, cutouts, RECIPE, count=24, workers=3, progress=lambda *done: calls.append(done)
    )
    assert everything(tmp_path / "again") == everything(made)
    assert calls == [(number, 24) for number in range(1, 25)]
    assert [path.name for path in tmp_path.iterdir()] == ["again"]


def test_more_images_change_none_of_the_first_and_another_seed_all(
    made: Path, tmp_path: Path, backgrounds: Backgrounds, cutouts: list[Cutout]
) -> None:
    short = write_synth(tmp_path / "short", backgrounds, cutouts, RECIPE, count=9).folder
    first, whole = everything(short), everything(made)
    assert all(whole[name] == content for name, content in first.items() if name != "synth.json")
    other = Recipe(**{**RECIPE.record(), "seed": 1, "metres": RECIPE.metres})
    changed = write_synth(tmp_path / "other", backgrounds, cutouts, other, count=9).folder
    assert record(changed)["images"] != record(short)["images"]


def test_the_record_names_all_that_decides(made: Path, root: Path) -> None:
    content = record(made)
    assert content["recipe"] == RECIPE.record()
    assert content["backgrounds"]["set"] == "camvid"
    assert content["backgrounds"]["ground"] == ["road", "sidewalk"]
    assert content["backgrounds"]["things"] == ["car", "pedestrian"]
    disc = hashlib.sha256((root / "cutouts" / "disc.png").read_bytes()).hexdigest()
    assert content["cutouts"]["disc"] == {"sha256": disc, "metres": None}
    boxes = [one for entry in content["images"] for one in entry["objects"] if one.get("cutout") == "box"]
    assert boxes
    assert {one["metres"] for one in boxes} == {1.2}


def test_objects_take_on_the_light_of_their_place(backgrounds: Backgrounds, cutouts: list[Cutout]) -> None:
    """The disc is bright, the road dark: the more colour matching, the darker the disc."""
    means = []
    for colour in (0.0, 0.5, 1.0):
        recipe = Recipe(smallest=20, metres=(1.0, 1.5), empty=0, known=0, most=1, colour=colour, blur=0)
        made = compose(0, recipe, backgrounds, [one for one in cutouts if one.name == "disc"])
        means.append(float(made.image[made.labels == OOD].mean()))
    assert means[0] > 190
    assert means[0] > means[1] + 20 > means[2] + 40


def test_no_ground_is_skipped_and_told(tmp_path: Path, backgrounds: Backgrounds, cutouts: list[Cutout]) -> None:
    def read(number: int) -> Any:
        picture = backgrounds.read(number)
        if number == 2:
            assert picture.labels is not None
            picture.labels[...] = 0
        return picture

    places = Backgrounds(
        backgrounds.origin, backgrounds.names, read, backgrounds.ground, backgrounds.things, backgrounds.classes
    )
    recipe = Recipe(smallest=20, metres=(0.8, 1.6), empty=0, known=0)
    written = write_synth(tmp_path / "set", places, cutouts, recipe)
    assert [why.split(" ", 2)[2] for why in written.skipped] == ["on 0001TP_000002: no ground below the horizon"]
    assert len(synth(tmp_path / "set")) == SCENES - 1 == written.kinds[ANOMALY]
    again = write_synth(tmp_path / "set", places, cutouts, recipe)
    assert (again.new, again.skipped, again.kinds) == (False, written.skipped, written.kinds)


def test_an_object_that_fits_nowhere(tmp_path: Path, backgrounds: Backgrounds, cutouts: list[Cutout]) -> None:
    with pytest.raises(InputError, match=r"no image could be made; the first: image 0 on .*: no place for an object"):
        write_synth(tmp_path / "set", backgrounds, cutouts, Recipe(smallest=6000, empty=0, known=0))
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_already(made: Path, tmp_path: Path, backgrounds: Backgrounds, cutouts: list[Cutout]) -> None:
    before = everything(made)
    assert not write_synth(made, backgrounds, cutouts, RECIPE, count=24).new
    with pytest.raises(InputError, match="holds a synthetic set with other count than asked for"):
        write_synth(made, backgrounds, cutouts, RECIPE, count=25)
    with pytest.raises(InputError, match="other recipe"):
        write_synth(made, backgrounds, cutouts, Recipe(smallest=20), count=24)
    with pytest.raises(InputError, match="other cutouts"):
        write_synth(made, backgrounds, cutouts[:1], RECIPE, count=24)
    assert everything(made) == before
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match=r"exists but has no synth\.json, so synth did not write it"):
        write_synth(tmp_path / "mine", backgrounds, cutouts, RECIPE)
    (tmp_path / "mine" / "synth.json").write_text("{}")
    with pytest.raises(InputError, match="is no record of synth"):
        write_synth(tmp_path / "mine", backgrounds, cutouts, RECIPE)
    (tmp_path / "nothing").mkdir()
    assert write_synth(tmp_path / "nothing", backgrounds, cutouts, RECIPE, count=2).new


def test_a_full_disk_leaves_nothing(
    tmp_path: Path, backgrounds: Backgrounds, cutouts: list[Cutout], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, content: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device", str(self))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(InputError, match="No space left"):
        write_synth(tmp_path / "set", backgrounds, cutouts, RECIPE)
    assert list(tmp_path.iterdir()) == []


def test_a_set_that_lost_a_file_is_not_unchanged(
    tmp_path: Path, backgrounds: Backgrounds, cutouts: list[Cutout]
) -> None:
    write_synth(tmp_path / "set", backgrounds, cutouts, RECIPE, count=3)
    lost = sorted((tmp_path / "set" / "masks").iterdir())[1]
    lost.unlink()
    with pytest.raises(InputError, match=rf"has lost 1 of its 6 files, first .*{lost.name}; delete it"):
        write_synth(tmp_path / "set", backgrounds, cutouts, RECIPE, count=3)


def test_into_the_folder_where_a_person_stands(
    tmp_path: Path, backgrounds: Backgrounds, cutouts: list[Cutout], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert write_synth(Path(), backgrounds, cutouts, RECIPE, count=2).new
    assert sorted(path.name for path in Path.cwd().iterdir()) == ["images", "masks", "synth.json"]
    assert not write_synth(Path(), backgrounds, cutouts, RECIPE, count=2).new


def test_two_at_once_make_one_set(tmp_path: Path, backgrounds: Backgrounds, cutouts: list[Cutout]) -> None:
    def meanwhile(done: int, total: int) -> None:
        if done == total:
            assert write_synth(tmp_path / "set", backgrounds, cutouts, RECIPE, count=2).new

    written = write_synth(tmp_path / "set", backgrounds, cutouts, RECIPE, count=2, progress=meanwhile)
    assert not written.new
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_pictures_of_strange_names(tmp_path: Path, root: Path, cutouts: list[Cutout]) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    picture = next((root / "CamVid" / "test").iterdir()).read_bytes()
    for name in (b"caf\xe9.png", "straße [1].png".encode(), b"[red] a b.png"):
        Path(os.fsdecode(bytes(photos) + b"/" + name)).write_bytes(picture)
    (photos / "._a.png").write_bytes(b"Mac OS X")
    recipe = Recipe(smallest=20, empty=1, known=0)
    written = write_synth(tmp_path / "set", of_folder(photos), cutouts, recipe)
    assert (sum(written.kinds.values()), written.skipped) == (3, ())
    assert len(synth(tmp_path / "set")) == 3


def test_what_cannot_be_made(tmp_path: Path, root: Path, backgrounds: Backgrounds, cutouts: list[Cutout]) -> None:
    pictures = of_folder(root / "CamVid" / "test")
    with pytest.raises(InputError, match=r"no class to cut them from.*--known 0"):
        write_synth(tmp_path / "set", pictures, cutouts, Recipe())
    with pytest.raises(InputError, match="0 images"):
        write_synth(tmp_path / "set", backgrounds, cutouts, Recipe(), count=0)
    with pytest.raises(InputError, match="no cut-outs to paste"):
        write_synth(tmp_path / "set", backgrounds, [], Recipe())
    with pytest.raises(InputError, match="unknown class of camvid 'raod'; did you mean 'road'"):
        of_closed_set("camvid", root, "test", ground=["raod"])
    with pytest.raises(InputError, match="no pictures in"):
        of_folder(tmp_path)
    with pytest.raises(InputError, match=r"no .*synth\.json"):
        synth(tmp_path)


# Cut-outs.


def test_cutouts_are_cropped_and_in_order(cutouts: list[Cutout]) -> None:
    assert [(one.name, one.alpha.shape, one.metres) for one in cutouts] == [
        ("box", (23, 16), 1.2),
        ("disc", (35, 35), None),
    ]
    assert cutouts[0].alpha.all()


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("empty", r"cut-out .*a\.png is empty"),
        ("full", "fills its whole picture"),
        ("opaque", r"a\.png has no alpha channel \(RGB\)"),
        ("damaged", r"a\.png cannot be read as an image"),
        ("other size", r"mask.*a\.png is 8x8 pixels but its image a\.png is 9x9"),
        ("no mask", "'a' is in only one of images/ and masks/"),
        ("twice", "two cut-outs in .* are called 'a'"),
        ("two images", r"a\.jpg and .*a\.png are two pictures of one name"),
        ("nothing", "no cut-outs in"),
        ("no folder", "no folder"),
        ("unknown metres", r"metres\.json: 'b': 1\.0; wanted the name"),
        ("bad metres", r"metres\.json is no JSON object"),
        ("faint", "is empty: no pixel is at least half opaque"),
    ],
)
def test_bad_cutouts(fault: str, message: str, tmp_path: Path) -> None:
    folder = tmp_path / "cutouts"
    if fault != "no folder":
        folder.mkdir()
    pixels = np.zeros((9, 9, 4), np.uint8)
    pixels[3:6, 3:6, 3] = {"empty": 0, "faint": 127}.get(fault, 255)
    if fault in ("empty", "faint", "twice", "unknown metres", "bad metres"):
        save(folder / "a.png", pixels)
    elif fault == "full":
        save(folder / "a.png", np.full((9, 9, 4), 255, np.uint8))
    elif fault == "opaque":
        save(folder / "a.png", pixels[..., :3])
    elif fault == "damaged":
        (folder / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    if fault in ("other size", "no mask", "twice", "two images"):
        save(folder / "images" / "a.png", pixels[..., :3])
    if fault == "two images":
        save(folder / "images" / "a.jpg", pixels[..., :3])
    if fault in ("other size", "twice", "two images"):
        size = 8 if fault == "other size" else 9
        save(folder / "masks" / "a.png", np.ascontiguousarray(pixels[:size, :size, 3]))
    if fault in ("unknown metres", "bad metres"):
        (folder / "metres.json").write_text('{"b": 1}' if fault == "unknown metres" else "[1]")
    with pytest.raises(InputError, match=message):
        load_cutouts(folder)


# The command.


def test_the_command(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["synth", str(tmp_path / "set"), "--cutouts", str(root / "cutouts"), "--smallest", "20"]
    closed = [*words, "--closed-set", "camvid", "--data-root", str(root), "--metres", "0.8", "1.6", "--count", "4"]
    data_app([*closed, "--workers", "2", "--blend", "poisson", "--ground", "road, sidewalk"], standalone_mode=False)
    assert f"wrote {tmp_path / 'set'}: " in capsys.readouterr().out.replace("\n", "")
    assert record(tmp_path / "set")["recipe"]["blend"] == "poisson"
    assert len(synth(tmp_path / "set")) == 4 - len(record(tmp_path / "set")["skipped"])
    words[1] = str(tmp_path / "photos")
    photos = ["--images", str(root / "CamVid" / "test"), "--horizon", "0.35", "--metres", "0.8", "1.6"]
    data_app([*words, *photos], standalone_mode=False)
    assert record(tmp_path / "photos")["recipe"]["known"] == 0
    labels = np.stack([cv2.imread(str(path), 0) for path in sorted((tmp_path / "photos" / "masks").iterdir())])
    assert set(np.unique(labels)) == {IN, OOD}
    for wrong in ([], ["--closed-set", "camvid", *photos], [*photos, "--ground", "road"]):
        with pytest.raises(InputError):
            data_app([*words, *wrong], standalone_mode=False)
