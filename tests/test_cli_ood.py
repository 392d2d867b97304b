"""``eval-ood``, ``export-scores`` and ``compare`` as a person types them, with small models on small trees."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from gmmbench.cli import main
from gmmbench.listings_ood import differences, ood_results
from gmmbench.metrics.resampling import Difference
from gmmbench.results import Row, RunFolder
from gmmbench.verbs.compare import Comparison, Side

Refused = Callable[..., str]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, theirs: None, tiny_tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiny tree is the data root; nothing is written beside the code."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GMMBENCH_DATA", str(tiny_tree))


@pytest.fixture(scope="module")
def model(tiny: Callable[..., Path], tiny_checkpoint: Callable[..., Path]) -> list[str]:
    """CONFIG CHECKPOINT of a softmax model."""
    config = tiny("softmax")
    return [str(config), str(tiny_checkpoint(config))]


@pytest.fixture(scope="module")
def second(model: list[str], tiny_checkpoint: Callable[..., Path]) -> str:
    """Another checkpoint of it."""
    return str(tiny_checkpoint(Path(model[0]), 1))


@pytest.fixture
def done(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run what must succeed; what it prints."""

    def run(*arguments: str | Path) -> str:
        assert main([str(argument) for argument in arguments]) == 0, capsys.readouterr().err
        return capsys.readouterr().out

    return run


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Refused:
    """Run what must be refused: exit code 2, nothing on stdout or disk, one line on stderr, which is returned."""

    def run(*arguments: str | Path) -> str:
        before = sorted(tmp_path.rglob("*"))
        assert main([str(argument) for argument in arguments]) == 2
        printed = capsys.readouterr()
        assert printed.out == ""
        [line] = printed.err.splitlines()
        assert line.startswith("error: ")
        assert [path for path in sorted(tmp_path.rglob("*")) if "__pycache__" not in str(path)] == before
        return line

    return run


def scores_in(folder: str | Path) -> list[str]:
    return list(dict.fromkeys(str(row.score) for row in RunFolder(Path(folder)).rows()))


def test_every_flag_of_a_model_of_ours(model: list[str], second: str, done: Callable[..., str]) -> None:
    done("fit-gmm", *model, "--out", "fits")
    printed = done(
        "eval-ood", *model, "--datasets", "camvid_ood, road_anomaly21", "--ensemble", second, "--flip", "--blur", "1",
        "--gmm", "fits/gmm_full.pth", "--scores", "gmm_lse,ensemble_mi,odin@epsilon=0.01,mc_dropout_mi@passes=2,knn",
        "--protocol", "smiyc", "--no-components", "--exact", "--out", "run", "--name", "mine", "--limit", "2",
        "--threads", "1", "--score", "theirs:dark",
    )  # fmt: skip
    assert "wrote run" in printed
    assert "camvid_ood: 2 of 4 images" in printed
    assert "road_anomaly21: 2 of 2 images" in printed
    names = ["gmm_lse", "ensemble_mi", "odin@epsilon=0.01", "mc_dropout_mi@passes=2", "knn", "theirs:dark"]
    assert scores_in("run") == names
    rows = RunFolder(Path("run")).rows()
    assert {row.run for row in rows} == {"mine"}
    assert not any(row.metric == "F1*" for row in rows)
    words = rows[0].provenance["protocol"]
    assert words["post-processing"] == "7x7 Gaussian, sigma 1"
    assert "mirror image" in words["network input"]


def test_results_lie_beside_the_checkpoint_and_fits_are_told_of(
    model: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    ask = ["eval-ood", *model, "--datasets", "camvid_ood", "--scores", "mahalanobis,msp"]
    for expected in (r"mahalanobis: fitted on [\d,]+ pixels of 6 images of camvid train, seed 0", ".*, as before"):
        assert main(ask) == 0
        printed = capsys.readouterr()
        assert re.fullmatch(expected, printed.err.strip())
        assert f"wrote {Path(model[1]).parent / 'eval'}" in printed.out
    assert scores_in(Path(model[1]).parent / "eval") == ["mahalanobis", "msp"]


def test_a_model_from_outside_and_a_folder_of_ones_own(done: Callable[..., str], tiny_tree: Path) -> None:
    camvid = tiny_tree / "CamVid"
    own = ("--folder", "my-set", camvid / "test_ood", camvid / "testannot_ood", "0-10=in,11=ignore,12=ood")
    printed = done(
        "eval-ood", "--predictor", "theirs:make", "--predictor-arg", "scale=7", "--fit-on", "camvid", *own,
        "--scores", "energy,sml", "--score", "theirs:dark", "--out", "run", "--components",
    )  # fmt: skip
    assert "my-set: 4 of 4 images" in printed
    assert "my-set: objects" in printed
    assert scores_in("run") == ["energy", "sml", "theirs:dark"]
    assert Path("run/fitted/sml.pth").is_file()


def test_exported_maps_are_evaluated_as_the_model_itself(model: list[str], done: Callable[..., str]) -> None:
    printed = done(
        "export-scores", *model, "--datasets", "camvid_ood", "--score", "energy", "--out", "maps", "--limit", "3",
        "--format", "npz", "--flip", "--blur", "0.5", "--threads", "1",
    )  # fmt: skip
    assert printed == "wrote 3 maps to maps\n"
    same = ("--datasets", "camvid_ood", "--limit", "3")
    done("eval-ood", "--score-maps", "maps/camvid_ood", *same, "--out", "theirs")
    done("eval-ood", *model, *same, "--scores", "energy", "--flip", "--blur", "0.5", "--out", "ours")
    ours, theirs = (RunFolder(Path(name)).rows() for name in ("ours", "theirs"))
    assert [(row.value, row.low, row.high) for row in ours] == [(row.value, row.low, row.high) for row in theirs]
    done("eval-ood", "--score-maps", "maps/camvid_ood", "--negated", *same, "--out", "turned")
    auroc = {
        name: next(r.value for r in RunFolder(Path(name)).rows() if r.metric == "AUROC") for name in ("ours", "turned")
    }
    assert auroc["turned"] == pytest.approx(1 - auroc["ours"], abs=1e-4)


def test_other_exports(model: list[str], done: Callable[..., str]) -> None:
    sent = ("--datasets", "road_anomaly21_test", "--format", "smiyc", "--name", "mine", "--out", "sent")
    assert done("export-scores", *model, *sent, "--score", "msp") == "wrote 1 maps to sent\n"
    assert Path("sent/anomaly_p/mine/AnomalyTrack-all/zebra0000.hdf5").is_file()
    outside = ("--predictor", "theirs:make", "--predictor-arg", "scale=2", "--fit-on", "camvid")
    done("export-scores", *outside, "--datasets", "camvid_ood", "--score", "kl_matching", "--out", "maps")
    assert len(list(Path("maps/camvid_ood").glob("*.npy"))) == 4
    done("fit-gmm", *model, "--out", "fits")
    done("export-scores", *model, "--gmm", "fits/gmm_full.pth", "--datasets", "camvid_ood", "--out", "lse")
    assert np.load(next(Path("lse/camvid_ood").glob("*.npy"))).dtype == np.float32


def test_compare(model: list[str], done: Callable[..., str], refused: Refused) -> None:
    ask = ("--datasets", "camvid_ood,road_anomaly21", "--scores", "energy,msp")
    done("eval-ood", *model, *ask, "--out", "first")
    done("eval-ood", "--predictor", "theirs:make", *ask, "--out", "second")
    printed = done("compare", "first", "second", "--scores", "energy,msp", "--dataset", "camvid_ood")
    assert "camvid_ood: energy of tiny_softmax less msp of" in printed
    assert "road_anomaly21" not in printed
    for metric in ("AUROC", "AP", "FPR95"):
        assert re.search(rf"{metric} +[+-]\d+\.\d\d +\[[+-]\d+\.\d\d, [+-]\d+\.\d\d\] ", printed), metric
    alone = done("compare", "first")
    assert {"road_anomaly21:", "camvid_ood:"} <= set(alone.split())
    assert "unknown score of 'tiny_softmax'" in refused("compare", "first", "second", "--scores", "knn,msp")
    assert "no results in nowhere" in refused("compare", "first", "nowhere")
    assert "unknown data set of both runs 'x'" in refused("compare", "first", "second", "--dataset", "x")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("eval-ood --datasets camvid_ood", "no model named; wanted CONFIG CHECKPOINT, or --predictor"),
        ("eval-ood a.py b.pth", "no data set named; wanted --datasets NAMES"),
        ("eval-ood a.py b.pth --datasets ,", "--datasets names none"),
        ("eval-ood a.py b.pth --datasets camvid_odd", "unknown data set 'camvid_odd'; did you mean 'camvid_ood'?"),
        ("eval-ood a.py b.pth --datasets camvid_ood --protocol smyic", "unknown protocol 'smyic'"),
        ("eval-ood a.py b.pth --datasets camvid_ood --scores x", "unknown score 'x'"),
        ("eval-ood a.py b.pth --datasets camvid_ood --score theirs:light", "unknown name in theirs: 'light'"),
        ("eval-ood a.py b.pth --datasets camvid_ood --blur 0", "--blur 0.0: wanted a standard deviation above 0"),
        ("eval-ood a.py b.pth --datasets camvid_ood --limit 0", "--limit"),
        ("eval-ood a.py b.pth --datasets camvid_ood --negated", "--negated speaks of --score-maps"),
        ("eval-ood a.py b.pth --datasets camvid_ood --fit-on camvid", "--predictor-arg and --fit-on go with"),
        ("eval-ood a.py b.pth --datasets camvid_ood", "no config at a.py"),
        ("eval-ood a.py --predictor m:f --datasets camvid_ood --out o", "leave out CONFIG, CHECKPOINT, --gmm"),
        ("eval-ood --predictor theirs:make --datasets camvid_ood", "say where with --out FOLDER"),
        ("eval-ood --predictor theirs:make --predictor-arg a --datasets camvid_ood --out o", "wanted KEY=VALUE"),
        ("eval-ood --predictor theirs:make --scores knn --datasets camvid_ood --out o", "'knn' needs features"),
        ("eval-ood --predictor theirs:make --scores sml --datasets camvid_ood --out o", "--fit-on"),
        ("eval-ood --predictor theirs --datasets camvid_ood --out o", "wanted package.module:name"),
        ("eval-ood --score-maps m --datasets camvid_ood", "say where with --out FOLDER"),
        ("eval-ood --score-maps m --datasets camvid_ood --out o", "no folder m; --score-maps wants one"),
        ("eval-ood a.py b.pth --score-maps m --datasets camvid_ood --out o", "leave out CONFIG"),
        ("eval-ood --score-maps m --flip --ensemble c --gmm g --out o", "leave out --gmm, --ensemble, --flip"),
        ("eval-ood --score-maps m --scores msp --score m:f --out o", "leave out --scores, --score"),
        (
            "eval-ood --score-maps m --predictor m:f --predictor-arg a=1 --fit-on x --out o",
            "leave out --predictor, --pr",
        ),
        ("eval-ood a.py b.pth --folder camvid_ood x y 0=in,1=ood", "that is a registered data set"),
        ("eval-ood a.py b.pth --folder mine x y 0=in", "calls no value ood"),
        ("export-scores a.py b.pth --out o", "no data set named"),
        ("export-scores a.py b.pth --datasets camvid_ood --out o --format png", "unknown form of score maps 'png'"),
        ("export-scores a.py b.pth --datasets camvid_ood --out o --score msp,energy", "names 2 scores; wanted one"),
        ("export-scores a.py b.pth --datasets camvid_ood --out o --format smiyc", "SegmentMeIfYouCan has no"),
        ("export-scores a.py b.pth --datasets camvid_ood", "Missing option '--out'"),
        ("export-scores --datasets camvid_ood --out o", "no model named"),
        ("compare", "Missing argument"),
        ("compare nowhere", "no results in nowhere"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(arguments: str, said: str, refused: Refused) -> None:
    assert said in refused(*arguments.split())


def row(score: str, metric: str, value: float = 0.99123) -> Row:
    counts = {"images": 1500, "images_total": 1500, "pixels_in": 10**10, "pixels_ood": 10**8, "pixels_ignored": 0}
    about = {"protocol": {"protocol": "pytorch-ood"}}
    return Row("ood", "r", "street_hazards", metric, value, score, "logits", None, counts, about, 0.98, 1.0)


def printed_at_80(tables: object) -> str:
    console = Console(width=80, record=True, quiet=False, file=open("/dev/null", "w"))  # noqa: SIM115
    with console.file:
        for table in tables:  # type: ignore[attr-defined]
            console.print(table)
    return console.export_text()


def test_tables_cut_no_number_at_80_columns() -> None:
    scores = ["msp", "relative_mahalanobis", "odin@temperature=1000@epsilon=0.0014"]
    metrics = ["AUROC", "AP", "FPR95", "F1", "sIoU", "PPV", "F1*", "AUROC, image mean"]
    text = printed_at_80(ood_results([row(score, metric) for score in scores for metric in metrics]))
    assert text.count("99.12 [98.0, 100.0]") == len(scores) * 6
    assert "…" not in text
    assert all(len(line) <= 80 for line in text.splitlines())
    assert "100.00 [98.0, 100.0]" in printed_at_80(ood_results([row("msp", "AP", 1.0), row("msp", "AUROC", 1.0)]))
    nothing = printed_at_80(ood_results([row("msp", "AP", float("nan"))]))
    assert re.search(r"msp +-", nothing)


def test_differences_say_which_is_better_and_cut_nothing_at_80_columns() -> None:
    sides = [Side(f"mobilenetv2_mlp_{n}", "odin@temperature=3", RunFolder(Path(n))) for n in ("gmm", "softmax")]
    found = {
        "AUROC": Difference(0.1, -0.9999, 0.9999, 0),
        "AP": Difference(-1.0, -1.0, -0.9999, 0),
        "FPR95": Difference(-1.0, -1.0, -0.9999, 0),
        "F1 threshold": Difference(3.0, 1.0, 4.0, 0),
        "AUPR-in": Difference(float("nan"), float("nan"), float("nan"), 1000),
    }
    text = printed_at_80(differences([Comparison("street_hazards", sides[0], sides[1], found)]))
    lines = {line.split()[0]: " ".join(line.split()) for line in text.splitlines() if line.strip()}
    assert lines["AUROC"] == "AUROC +10.00 [-99.99, +99.99] no difference that these images show"
    assert lines["AP"] == "AP -100.00 [-100.00, -99.99] the second is better"
    assert lines["FPR95"] == "FPR95 -100.00 [-100.00, -99.99] the first is better"
    assert lines["AUPR-in"].split()[1:] == ["-", "[-,", "-]"]
    assert "threshold" not in text, "not a share, so not in points"
    assert "…" not in text
