"""The functions of ``import gmmbench``: the same numbers as the command line's, as DataFrames."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

import gmmbench
from gmmbench.cli import main
from gmmbench.errors import InputError
from gmmbench.records import COLUMNS
from gmmbench.results import RunFolder
from gmmbench.verbs.compare import compare

Model = tuple[Path, Path]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, tiny_tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GMMBENCH_DATA", str(tiny_tree))


@pytest.fixture(scope="module")
def model(tiny: Callable[..., Path], tiny_checkpoint: Callable[..., Path]) -> Model:
    config = tiny("gmm")
    return config, tiny_checkpoint(config)


def grey(image: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Logits of 11 classes by brightness."""
    return -((image.mean(axis=-1) / 255 - np.linspace(0, 1, 11)[:, None, None]) ** 2)


def test_importing_the_package_loads_nothing() -> None:
    program = (
        "import sys; import gmmbench; assert not [m for m in sys.modules if m.startswith('gmmbench.')];"
        " assert not {'numpy', 'torch', 'pandas', 'rich'} & set(sys.modules); assert 'evaluate' in dir(gmmbench)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_a_verb_stays_callable_when_the_room_of_its_name_is_imported() -> None:
    import gmmbench.evaluate
    import gmmbench.report

    assert gmmbench.evaluate.evaluate_ood is sys.modules["gmmbench.evaluate"].evaluate_ood
    assert callable(gmmbench.evaluate)
    assert callable(gmmbench.report)
    with pytest.raises(InputError, match="nothing to evaluate on"):
        gmmbench.evaluate(closed=False)
    with pytest.raises(AttributeError, match="no attribute 'evaluat'"):
        gmmbench.evaluat  # noqa: B018


def test_a_table_holds_the_numbers_that_the_command_line_saves(model: Model, tmp_path: Path) -> None:
    ask = {"datasets": ["camvid_ood", "road_anomaly21"], "scores": ["gmm_lse", "msp@temperature=2"], "closed": False}
    table = gmmbench.evaluate(str(model[0]), model[1], **ask)
    assert list(tmp_path.iterdir()) == [], "nothing is left"
    words = ["--datasets", "camvid_ood,road_anomaly21", "--scores", "gmm_lse,msp@temperature=2", "--out", "run"]
    assert main(["eval-ood", *map(str, model), *words]) == 0
    pd.testing.assert_frame_equal(table, gmmbench.read("run"))
    rows = RunFolder(Path("run")).rows()
    assert list(table.columns) == list(COLUMNS)
    assert [row.value for row in rows] == pytest.approx(table["value"].tolist(), nan_ok=True)
    assert set(table["dataset"]) == {"camvid_ood", "road_anomaly21"}
    assert set(table["images"]) == {4, 2}
    wide = table.pivot_table(index=["dataset", "score"], columns="metric", values="value")
    assert wide.loc[("camvid_ood", "gmm_lse"), "AUROC"] == next(row.value for row in rows if row.metric == "AUROC")


def test_the_closed_set_comes_with_it_unless_told_otherwise(model: Model) -> None:
    table = gmmbench.evaluate(*model, split="train", limit=2, out="run", name="mine", quiet=True)
    assert set(table["task"]) == {"closed"}
    assert {"mIoU", "IoU"} <= set(table["metric"])
    assert set(table["run"]) == {"mine"}
    assert table["images"].tolist() == [2] * len(table)
    assert table["pixels_ood"].isna().all()
    assert gmmbench.report("run", "page", formats="markdown").read_text(encoding="utf-8").count("mine") > 0


def test_any_function_of_an_image() -> None:
    table = gmmbench.evaluate(
        predictor=grey, datasets="camvid_ood", scores="energy,kl_matching", fit_on="camvid", out="a"
    )
    assert table["run"].unique().tolist() == ["tests.test_api:grey"] or table["run"].iloc[0].endswith(":grey")
    assert table["checkpoint"].iloc[0].startswith("as that object held it")
    numbers = table.set_index(["score", "metric"])["value"]
    assert 0 <= numbers["energy", "AUROC"] <= 1

    class Other:
        name = "other"

        def __call__(self, image: NDArray[np.uint8]) -> NDArray[np.float64]:
            return -grey(image)

    again = gmmbench.evaluate(
        predictor=Other(), datasets="camvid_ood", scores="energy,kl_matching", fit_on="camvid", out="a"
    )
    assert set(again["run"]) == {"other"}
    assert len(list(Path("a/fitted").glob("kl_matching*"))) >= 1
    changed = again.set_index(["score", "metric"])["value"]
    assert changed["kl_matching", "AUROC"] != numbers["kl_matching", "AUROC"], "fitted anew"


def test_compare_gives_a_row_a_metric(model: Model) -> None:
    gmmbench.evaluate(*model, datasets="camvid_ood", scores="msp,energy", closed=False, out="run")
    table = gmmbench.compare("run", scores="energy,msp")
    assert set(table["dataset"]) == {"camvid_ood"}
    [saved] = compare(Path("run"), Path("run"), scores="energy,msp")
    assert table["metric"].tolist() == list(saved.differences)
    for key, wanted in (("difference", "value"), ("low", "low"), ("high", "high")):
        values = [getattr(each, wanted) for each in saved.differences.values()]
        assert table[key].tolist() == pytest.approx(values, nan_ok=True)
    assert {"first_score": "energy", "second_score": "msp"}.items() <= dict(table.iloc[0]).items()
    assert set(table["better"].dropna()) <= {"first", "second", "none"}


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({}, "no model named"),
        ({"predictor": grey}, "nothing to evaluate on"),
        ({"predictor": grey, "closed": True}, "closed=True measures a config and checkpoint"),
        ({"predictor": grey, "config": "a.py", "datasets": "camvid_ood"}, "--predictor names the model"),
        ({"predictor": 3, "datasets": "camvid_ood"}, "predictor is a int; wanted a function"),
        ({"predictor": grey, "datasets": "camvid_odd"}, "did you mean 'camvid_ood'"),
        ({"predictor": grey, "datasets": "camvid_ood", "scores": "mps"}, "did you mean 'msp'"),
        ({"predictor": grey, "datasets": "camvid_ood", "data_root": "nowhere"}, "no data root at nowhere"),
    ],
)
def test_bad_input(asked: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        gmmbench.evaluate(**asked)  # type: ignore[arg-type]


def test_what_is_misspelt_is_said_before_the_closed_set_is_measured(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("the closed set was measured")

    monkeypatch.setattr("gmmbench.verbs.eval_closed", never)
    for wrong in ({"datasets": "camvid_odd"}, {"scores": "mps"}, {"protocol": "smyic"}):
        with pytest.raises(InputError, match="did you mean"):
            gmmbench.evaluate(*model, **({"datasets": "camvid_ood"} | wrong))
