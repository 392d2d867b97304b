"""Score maps on disk: round trips, the layout of SegmentMeIfYouCan, and each way in which a file can be wrong."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.typing import NDArray
from PIL import Image

from gmmbench.errors import InputError
from gmmbench.score_maps import FORMS, SMIYC_FOLDERS, ScoreMaps, smiyc_file, write_map

SHAPE = (5, 7)


@pytest.fixture
def scores() -> NDArray[np.float32]:
    return np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)


def saved(folder: Path, name: str, array: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / f"{name}.npy", array)
    return folder


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_back_every_bit_and_is_the_same_file_twice(
    form: str, tmp_path: Path, scores: NDArray[np.float32]
) -> None:
    scores[0, :4] = [np.inf, -np.inf, -0.0, np.float32(1e-42)]
    path = write_map(tmp_path / "a", "frankfurt_0.5", scores, form)
    again = write_map(tmp_path / "b", "frankfurt_0.5", scores, form)
    assert path.name == f"frankfurt_0.5.{form}"
    assert path.read_bytes() == again.read_bytes()
    maps = ScoreMaps(tmp_path / "a")
    maps.check(["frankfurt_0.5"])
    read = maps.read("frankfurt_0.5", SHAPE)
    assert read.dtype == np.float32
    assert read.tobytes() == scores.tobytes()
    assert maps.precision == "float32 (as evaluated): 1 maps"


@settings(deadline=None, max_examples=40)
@given(
    scores=npst.arrays(
        np.float32, npst.array_shapes(min_dims=2, max_dims=2), elements=st.floats(width=32, allow_nan=False)
    ),
    form=st.sampled_from(sorted(FORMS)),
)
def test_any_map_survives(tmp_path_factory: pytest.TempPathFactory, scores: NDArray[np.float32], form: str) -> None:
    folder = tmp_path_factory.mktemp("any")
    write_map(folder, "x", scores, form)
    np.testing.assert_array_equal(ScoreMaps(folder).read("x", scores.shape), scores)  # type: ignore[arg-type]


def road_anomaly_benchmark_reads(outputs: Path, method_name: str, dset_name: str, fid: str) -> NDArray[Any]:
    """``Evaluation.channels["anomaly_p"].read(...)`` and the line after it, transcribed."""
    template = str(outputs / "anomaly_p/{method_name}/{dset_name}/{fid}.hdf5")
    with h5py.File(template.format(method_name=method_name, dset_name=dset_name, fid=fid), "r") as file:
        variable = file["value"]
        value = variable[:] if len(variable.shape) > 0 else variable
    return np.squeeze(np.asarray(value))


def test_segment_me_if_you_cans_tools_read_what_is_submitted(tmp_path: Path, scores: NDArray[np.float32]) -> None:
    path = smiyc_file(tmp_path, "GMMSeg", "AnomalyTrack-all", "validation0001", scores)
    assert path == tmp_path / "anomaly_p" / "GMMSeg" / "AnomalyTrack-all" / "validation0001.hdf5"
    read = road_anomaly_benchmark_reads(tmp_path, "GMMSeg", "AnomalyTrack-all", "validation0001")
    assert read.dtype == np.float16
    np.testing.assert_array_equal(read, scores.astype(np.float16))  # what their save_output makes of it
    with h5py.File(path, "r") as file:
        assert list(file) == ["value"]
        assert (file["value"].compression, file["value"].compression_opts) == ("gzip", 9)
    assert (
        smiyc_file(tmp_path / "b", "GMMSeg", "AnomalyTrack-all", "validation0001", scores).read_bytes()
        == path.read_bytes()
    )


@pytest.mark.parametrize("level", ["anomaly_p/Mine/AnomalyTrack-all", "anomaly_p/Mine", "anomaly_p", "."])
def test_their_layout_is_read_from_any_folder_above_it(level: str, tmp_path: Path, scores: NDArray[np.float32]) -> None:
    smiyc_file(tmp_path, "Mine", "AnomalyTrack-all", "a", scores)
    maps = ScoreMaps(tmp_path / level)
    np.testing.assert_array_equal(maps.read("a", SHAPE), scores.astype(np.float16).astype(np.float32))
    assert maps.precision == "float16 (11 bits: near values have become equal, which moves FPR95 and AP): 1 maps"


def test_their_files_may_have_an_axis_of_length_1(tmp_path: Path, scores: NDArray[np.float32]) -> None:
    with h5py.File(tmp_path / "a.hdf5", "w") as file:
        file["value"] = scores[None]
    np.testing.assert_array_equal(ScoreMaps(tmp_path).read("a", SHAPE), scores)


def test_two_methods_below_the_folder_are_told_apart_by_the_person(tmp_path: Path, scores: NDArray[np.float32]) -> None:
    for method in ("A", "B"):
        smiyc_file(tmp_path, method, "AnomalyTrack-all", "a", scores)
    with pytest.raises(
        InputError, match=r"2 score maps for 'a': .*A/AnomalyTrack-all/a\.hdf5, .*name the folder of one"
    ):
        ScoreMaps(tmp_path).check(["a"])
    ScoreMaps(tmp_path / "anomaly_p" / "A").check(["a"])


def test_the_names_of_the_tracks_are_folders() -> None:
    assert {"AnomalyTrack-all", "ObstacleTrack-all"} == set(SMIYC_FOLDERS.values())


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (65505.0, "1 of 35 scores of 'a' do not fit float16 .largest 65505, limit 65504"),
        (-1e6, "do not fit float16 .largest 1e\\+06"),
        (np.inf, "largest inf"),
        (np.nan, "NaN at 1 of 35"),
    ],
)
def test_what_float16_would_ruin_is_refused_and_nothing_written(
    value: float, message: str, tmp_path: Path, scores: NDArray[np.float32]
) -> None:
    scores[2, 3] = value
    with pytest.raises(InputError, match=message):
        smiyc_file(tmp_path, "A", "B", "a", scores)
    assert list(tmp_path.iterdir()) == []


def test_float16s_largest_value_fits(tmp_path: Path) -> None:
    scores = np.array([[65504.0, -65504.0]])
    smiyc_file(tmp_path, "A", "B", "a", scores)
    np.testing.assert_array_equal(road_anomaly_benchmark_reads(tmp_path, "A", "B", "a"), scores[0])


def test_arcsinh_is_the_advice_and_keeps_the_order(tmp_path: Path) -> None:
    scores = np.array([[-1e30, -70000.0], [0.0, 3e38]], np.float32)
    smiyc_file(tmp_path, "A", "B", "a", np.arcsinh(scores))
    assert (np.diff(road_anomaly_benchmark_reads(tmp_path, "A", "B", "a").ravel()) > 0).all()


@pytest.mark.parametrize("dtype", ["<f2", ">f4", "<f8", ">f8"])
def test_other_floats_are_cast_and_named(dtype: str, tmp_path: Path) -> None:
    array = np.linspace(-3, 4, 35).reshape(SHAPE).astype(dtype)
    maps = ScoreMaps(saved(tmp_path, "a", array))
    np.testing.assert_array_equal(maps.read("a", SHAPE), array.astype(np.float32))
    assert maps.precision.startswith(np.dtype(dtype).newbyteorder("=").name)


def test_negated_maps_change_sign(tmp_path: Path, scores: NDArray[np.float32]) -> None:
    scores[0, 0] = np.inf
    folder = saved(tmp_path, "a", scores)
    np.testing.assert_array_equal(ScoreMaps(folder, negated=True).read("a", SHAPE), -scores)
    assert ScoreMaps(folder, negated=True).sha256(["a"]) != ScoreMaps(folder).sha256(["a"])


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros(SHAPE, np.uint8), "uint8; wanted float32.*before any rounding"),
        (np.zeros(SHAPE, np.int32), "int32; wanted float32"),
        (np.zeros(SHAPE, bool), "bool; wanted float32"),
        (np.zeros(SHAPE, np.complex64), "complex64; wanted float32"),
        (np.zeros((3, *SHAPE), np.float32), r"shape \(3, 5, 7\); wanted \(5, 7\)"),
        (np.zeros((1, *SHAPE), np.float32), "drop axes of length 1"),
        (np.zeros(35, np.float32), r"shape \(35,\)"),
        (np.zeros((4, 7), np.float32), "4 rows by 7 columns, its labels are 5 by 7.*resize them bilinearly"),
        (np.zeros(SHAPE[::-1], np.float32), "transpose it"),
        (np.full(SHAPE, np.nan, np.float32), "NaN at 35 of 35 pixels"),
        (np.full(SHAPE, 1e300), "beyond float32"),
        (np.array([{"a": 1}]), "cannot be read as .npy"),
    ],
)
def test_a_bad_array_is_one_line_with_the_file_and_the_remedy(
    array: NDArray[Any], message: str, tmp_path: Path
) -> None:
    maps = ScoreMaps(saved(tmp_path, "a", array))
    with pytest.raises(InputError, match=message) as raised:
        maps.read("a", SHAPE)
    assert str(tmp_path / "a.npy") in str(raised.value)
    assert "\n" not in str(raised.value)
    assert maps.precision == "none read"


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data:UserWarning")  # Pillow's, of a directory that ends early
@pytest.mark.parametrize("ending", ["npy", "npz", "tif", "hdf5"])
@pytest.mark.parametrize("content", [b"", b"not a score map", None])
def test_damaged_files(ending: str, content: bytes | None, tmp_path: Path, scores: NDArray[np.float32]) -> None:
    if content is None:  # truncated
        whole = (
            smiyc_file(tmp_path / "whole", "A", "B", "a", scores)
            if ending == "hdf5"
            else write_map(tmp_path / "whole", "a", scores, ending)
        ).read_bytes()
        content = whole[: len(whole) * 2 // 3]
    folder = tmp_path / "maps"
    folder.mkdir()
    (folder / f"a.{ending}").write_bytes(content)
    with pytest.raises(InputError, match=rf"a\.{ending} cannot be read as") as raised:
        ScoreMaps(folder).read("a", SHAPE)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "pixels", [np.zeros(SHAPE, np.uint8), np.zeros(SHAPE, np.uint16), np.zeros((*SHAPE, 3), np.uint8)]
)
def test_quantised_images_are_refused_with_the_reason(pixels: NDArray[Any], tmp_path: Path) -> None:
    Image.fromarray(pixels).save(tmp_path / "a.tif")
    with pytest.raises(InputError, match=r"a\.tif has pixel format .*rounded to integers share thresholds"):
        ScoreMaps(tmp_path).read("a", SHAPE)


def test_a_png_is_no_score_map(tmp_path: Path) -> None:
    Image.fromarray(np.zeros(SHAPE, np.uint8)).save(tmp_path / "a.png")
    with pytest.raises(InputError, match=r"no score map in .*wanted a file for each image: NAME\.npy"):
        ScoreMaps(tmp_path)


def test_a_tiff_of_several_pages_is_refused(tmp_path: Path, scores: NDArray[np.float32]) -> None:
    page = Image.fromarray(scores)
    page.save(tmp_path / "a.tiff", save_all=True, append_images=[page])
    with pytest.raises(InputError, match="several pages"):
        ScoreMaps(tmp_path).read("a", SHAPE)


def test_which_array_of_several(tmp_path: Path, scores: NDArray[np.float32]) -> None:
    np.savez(tmp_path / "only.npz", whatever=scores)
    np.savez(tmp_path / "named.npz", anomaly=scores, image=scores * 0)
    np.savez(tmp_path / "strange.npz", first=scores, second=scores)
    np.savez(tmp_path / "both.npz", score=scores, scores=scores)
    with h5py.File(tmp_path / "none.hdf5", "w") as file:
        file.create_group("value")
    maps = ScoreMaps(tmp_path)
    np.testing.assert_array_equal(maps.read("only", SHAPE), scores)
    np.testing.assert_array_equal(maps.read("named", SHAPE), scores)
    for name, words in {"strange": r"2 arrays \(first, second\)", "both": "score, scores", "none": r"\(none\)"}.items():
        with pytest.raises(InputError, match=words):
            maps.read(name, SHAPE)


def test_missing_and_extra_are_known_before_any_work(tmp_path: Path, scores: NDArray[np.float32]) -> None:
    for name in ("b", "stranger", ".hidden"):
        saved(tmp_path, name, scores)
    maps = ScoreMaps(tmp_path)
    assert maps.missing(["a", "b", "c"]) == ["a", "c"]
    assert maps.extra(["a", "b", "c"]) == [tmp_path / "stranger.npy"]
    with pytest.raises(InputError, match=r"2 of 3 images have no score map in .*, first 'a'; wanted a with one of"):
        maps.check(["a", "b", "c"])
    with pytest.raises(InputError, match="no score map for 'c'"):
        maps.read("c", SHAPE)
    with pytest.raises(InputError, match="no folder"):
        ScoreMaps(tmp_path / "nowhere")


def test_two_files_for_one_image(tmp_path: Path, scores: NDArray[np.float32]) -> None:
    write_map(tmp_path, "a", scores, "npy")
    write_map(tmp_path, "a", scores, "tif")
    with pytest.raises(InputError, match=r"2 score maps for 'a': .*a\.npy, .*a\.tif; keep one"):
        ScoreMaps(tmp_path).check(["a"])


def test_names_may_hold_folders(tmp_path: Path, scores: NDArray[np.float32]) -> None:
    write_map(tmp_path, "t5/frame", scores, "npy")
    write_map(tmp_path, "t6/frame", -scores, "npy")
    maps = ScoreMaps(tmp_path)
    maps.check(["t5/frame", "t6/frame"])
    np.testing.assert_array_equal(maps.read("t6/frame", SHAPE), -scores)
    assert maps.extra(["t5/frame", "t6/frame"]) == []
    with pytest.raises(InputError, match="2 score maps for 'frame'"):
        maps.check(["frame"])


def test_the_hash_is_of_names_and_bytes_in_no_order(tmp_path: Path, scores: NDArray[np.float32]) -> None:
    for name in ("a", "b"):
        saved(tmp_path, name, scores)
    digest = ScoreMaps(tmp_path).sha256(["a", "b"])
    assert digest == ScoreMaps(tmp_path).sha256(["b", "a"])
    assert digest != ScoreMaps(tmp_path).sha256(["a"])
    inner = {name: hashlib.sha256((tmp_path / f"{name}.npy").read_bytes()).hexdigest() for name in "ab"}
    assert digest == hashlib.sha256("".join(f"{name}\n{inner[name]}\n" for name in "ab").encode()).hexdigest()
    saved(tmp_path, "b", scores + 1)
    assert ScoreMaps(tmp_path).sha256(["a", "b"]) != digest


@pytest.mark.parametrize("name", ["", "/etc/a", "../a", "a/../../b", ".a", "a/"])
def test_a_name_does_not_lead_out_of_the_folder(name: str, tmp_path: Path, scores: NDArray[np.float32]) -> None:
    with pytest.raises(InputError, match="makes no file name"):
        write_map(tmp_path / "maps", name, scores, "npy")
    assert list(tmp_path.rglob("*")) == []
    with pytest.raises(InputError):
        smiyc_file(tmp_path, "a/b", "c", "d", scores)


def test_bad_maps_are_not_written(tmp_path: Path, scores: NDArray[np.float32]) -> None:
    with pytest.raises(InputError, match="unknown form of score maps 'png'; known: npy, npz, tif"):
        write_map(tmp_path, "a", scores, "png")
    with pytest.raises(InputError, match=r"uint8 of shape \(5, 7\)"):
        write_map(tmp_path, "a", np.zeros(SHAPE, np.uint8), "npy")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="beyond float32"):
        write_map(tmp_path, "a", np.full(SHAPE, 1e300), "npy")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_nothing(
    tmp_path: Path, scores: NDArray[np.float32], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(InputError, match="No space left"):
        write_map(tmp_path, "a", scores, "npy")
    assert list(tmp_path.iterdir()) == []


def test_without_h5py_one_line_says_how_to_get_it(
    tmp_path: Path, scores: NDArray[np.float32], monkeypatch: pytest.MonkeyPatch
) -> None:
    smiyc_file(tmp_path, "A", "B", "a", scores)
    maps = ScoreMaps(tmp_path)
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(InputError, match=r"a\.hdf5 needs h5py, which is not installed; pip install 'gmmbench\[hdf5\]'"):
        maps.read("a", SHAPE)
    with pytest.raises(InputError, match="pip install"):
        smiyc_file(tmp_path, "A", "B", "b", scores)


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's, of tags
@pytest.mark.parametrize("ending", ["npy", "npz", "tif", "hdf5"])
def test_flipped_bits_are_one_line_or_a_map(ending: str, tmp_path: Path, scores: NDArray[np.float32]) -> None:
    rng = np.random.default_rng(0)
    path = smiyc_file(tmp_path, "A", "B", "a", scores) if ending == "hdf5" else write_map(tmp_path, "a", scores, ending)
    whole = path.read_bytes()
    for _ in range(150):
        content = bytearray(whole)
        for place in rng.integers(min(len(whole), 400), size=2):
            content[place] = rng.integers(256)
        path.write_bytes(content)
        with contextlib.suppress(InputError):
            ScoreMaps(tmp_path).read("a", SHAPE)


def test_a_header_that_claims_terabytes(tmp_path: Path) -> None:
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (100000000, 100000), }".ljust(117) + b"\n"
    (tmp_path / "a.npy").write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(64))
    with pytest.raises(InputError, match=r"a\.npy cannot be read as"):
        ScoreMaps(tmp_path).read("a", SHAPE)
