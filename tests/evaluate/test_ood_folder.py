"""What an OOD evaluation leaves on disk: everything, or what was there before."""

from __future__ import annotations

import errno
import math
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gmmbench.errors import InputError
from gmmbench.evaluate import Measure, Scored
from gmmbench.labels import IN, OOD, Sample
from gmmbench.metrics import NaNScoreError, ScoreCounts
from gmmbench.metrics.components import ComponentRules
from gmmbench.prediction import Prediction
from gmmbench.results import ROWS, Row, RunFolder
from gmmbench.scores import SCORES

Run = Callable[..., list[Row]]
RULES = ComponentRules(2, 2, "tiny")


@pytest.fixture
def before(tmp_path: Path, ood_images: list[Sample], run_ood: Run, written: Any) -> dict[str, bytes]:
    """The files of an earlier evaluation."""
    run_ood(tmp_path, ood_images, limit=4)
    found: dict[str, bytes] = written(tmp_path)
    return found


def spoil_density(prediction: Prediction) -> None:
    assert prediction.density is not None
    prediction.density[:, 2, 3] = math.nan


def test_a_score_that_is_nan_leaves_all_as_it_was(
    tmp_path: Path, before: dict[str, bytes], ood_images: list[Sample], run_ood: Run, fake_model: Any, written: Any
) -> None:
    with pytest.raises(NaNScoreError, match=r"image 'frame 1': 1 of \d+ scored pixels are NaN"):
        run_ood(tmp_path, ood_images, fake_model(spoil_density), measure=Measure(rules=RULES))
    assert written(tmp_path) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["counts", "failures", "pictures", ROWS]


def test_ctrl_c_leaves_all_as_it_was(
    tmp_path: Path, before: dict[str, bytes], ood_images: list[Sample], run_ood: Run, fake_model: Any, written: Any
) -> None:
    def interrupt(prediction: Prediction) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_ood(tmp_path, ood_images, fake_model(interrupt), measure=Measure(rules=RULES))
    assert written(tmp_path) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["counts", "failures", "pictures", ROWS]
    assert [thread.name for thread in threading.enumerate() if "counting" in thread.name] == []


def test_a_first_evaluation_that_fails_leaves_no_folder(
    tmp_path: Path, ood_images: list[Sample], run_ood: Run, fake_model: Any
) -> None:
    with pytest.raises(NaNScoreError):
        run_ood(tmp_path / "a" / "b", ood_images, fake_model(spoil_density))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "what", ["numpy.lib.format.write_array", "numpy.save", "zipfile.ZipFile.writestr", "gmmbench.atomic.os.replace"]
)
def test_a_full_disk_leaves_all_as_it_was(
    tmp_path: Path,
    before: dict[str, bytes],
    ood_images: list[Sample],
    run_ood: Run,
    written: Any,
    monkeypatch: pytest.MonkeyPatch,
    what: str,
) -> None:
    """Counts of images, kept maps, counts and pictures; rows."""

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(what, full)
        with pytest.raises(InputError, match=f"cannot write {tmp_path}.*: No space left on device; free space"):
            run_ood(tmp_path, ood_images, measure=Measure(rules=RULES))
    assert written(tmp_path) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["counts", "failures", "pictures", ROWS]


def test_rows_that_cannot_be_written_leave_the_counts_as_they_were(
    tmp_path: Path,
    before: dict[str, bytes],
    ood_images: list[Sample],
    run_ood: Run,
    written: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_: object) -> None:
        raise InputError("cannot write results.jsonl: No space left on device")

    monkeypatch.setattr(sys.modules["gmmbench.results.staging"], "write_text", full)
    with pytest.raises(InputError, match="cannot write"):
        run_ood(tmp_path, ood_images)
    assert written(tmp_path) == before


def test_rows_on_disk_that_are_damaged_are_found_before_any_image_is_seen(
    tmp_path: Path, ood_images: list[Sample], run_ood: Run, fake_model: Any, written: Any
) -> None:
    (tmp_path / ROWS).write_text("garbage\n")
    model = fake_model()
    with pytest.raises(InputError, match=r"results\.jsonl:1 is not a result row"):
        run_ood(tmp_path, ood_images, model)
    assert model.calls == 0
    assert written(tmp_path) == {ROWS: b"garbage\n"}


def test_an_image_that_cannot_be_read_writes_nothing(tmp_path: Path, ood_images: list[Sample], run_ood: Run) -> None:
    class Damaged(list[Sample]):
        def __getitem__(self, index: Any) -> Any:
            if index == 2:
                raise InputError("frame 2 is damaged")
            return super().__getitem__(index)

    with pytest.raises(InputError, match="frame 2 is damaged"):
        run_ood(tmp_path, Damaged(ood_images))
    assert list(tmp_path.iterdir()) == []


def test_evaluating_again_writes_the_same_bytes(
    tmp_path: Path, ood_images: list[Sample], run_ood: Run, written: Any
) -> None:
    for folder in ("first", "first", "second"):
        run_ood(tmp_path / folder, ood_images, measure=Measure(rules=RULES))
    first = written(tmp_path / "first")
    assert first == written(tmp_path / "second")
    counts = {
        f"counts/streets/{score}{part}.npz"
        for score in ("msp", "gmm_lse")
        for part in ("", ".images", ".components", ".resamples")
    }
    assert {name for name in first if not name.startswith(("pictures", "failures"))} == counts | {ROWS}


def test_evaluating_fewer_scores_removes_the_counts_of_the_others(
    tmp_path: Path, ood_images: list[Sample], run_ood: Run, written: Any
) -> None:
    run_ood(tmp_path, ood_images, measure=Measure(rules=RULES))
    run_ood(tmp_path, ood_images, dataset="other")
    run_ood(tmp_path, ood_images[:2], scores=["msp"])
    names = written(tmp_path)
    assert {name for name in names if name.startswith("counts/streets/")} == {
        "counts/streets/msp.npz", "counts/streets/msp.images.npz", "counts/streets/msp.resamples.npz",
    }  # fmt: skip
    assert "counts/other/gmm_lse.npz" in names
    assert [name for name, _ in RunFolder(tmp_path).pictures("streets")] == ["frame-0", "frame-1"]
    assert {(row.dataset, row.score) for row in RunFolder(tmp_path).rows()} == {
        ("streets", "msp"), ("other", "msp"), ("other", "gmm_lse"),
    }  # fmt: skip


def test_counts_on_disk_are_what_was_counted(
    tmp_path: Path, ood_images: list[Sample], run_ood: Run, fake_model: Any
) -> None:
    run_ood(tmp_path, ood_images)
    model, folder = fake_model(), RunFolder(tmp_path)
    for name in ("msp", "gmm_lse"):
        pooled = ScoreCounts()
        each = [pooled.update(SCORES[name](model(sample.image)).numpy(), sample.labels) for sample in ood_images]
        assert ScoreCounts.from_arrays(folder.load_counts("streets", name)) == pooled
        saved = folder.image_counts("streets", name)
        assert list(saved) == each
        assert saved.names() == [sample.name for sample in ood_images]


def test_maps_on_a_gpu_are_counted_beside_the_next_forward(
    tmp_path: Path, ood_images: list[Sample], run_ood: Run, fake_model: Any, written: Any
) -> None:
    class OnGpu(torch.Tensor):
        """A CPU tensor that says that it lies on a GPU; notes which thread brings it over."""

        is_cuda = True  # type: ignore[assignment]

        def cpu(self) -> torch.Tensor:  # type: ignore[override]
            threads.add(threading.current_thread().name)
            return self.as_subclass(torch.Tensor)

    threads: set[str] = set()
    model = fake_model()

    def source(sample: Sample) -> Scored:
        prediction = model(sample.image)
        return Scored({name: SCORES[name](prediction).as_subclass(OnGpu) for name in ("msp", "gmm_lse")}, prediction)

    run_ood(tmp_path / "gpu", ood_images, source=source)
    run_ood(tmp_path / "cpu", ood_images)
    assert written(tmp_path / "gpu") == written(tmp_path / "cpu")
    assert [name.startswith("counting") for name in threads] == [True]
    bad = [*ood_images[:2], Sample("strange", ood_images[2].image, np.full((3, 4), 7, dtype=np.uint8))]
    for images in (bad, [*bad, ood_images[3]]):  # the error comes up at the next image, or at the end
        with pytest.raises(InputError, match="image 'strange': unknown label values"):
            run_ood(tmp_path / "bad", images, source=source)
    assert not (tmp_path / "bad").exists()
    assert {IN, OOD} == {0, 1}
