"""Whole reports: files, words, figures, refusals."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gmmbench.errors import InputError
from gmmbench.labels import IGNORE, IN
from gmmbench.metrics import READINGS, ScoreCounts
from gmmbench.report import write_report
from gmmbench.report.folder import MANIFEST
from gmmbench.report.formats import FORMATS
from gmmbench.results import Row, RunFolder

WriteRun = Callable[..., Path]


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def markdown(runs: list[Path], out: Path, *, public: bool = False) -> str:
    return write_report(runs, out, public=public, formats=["markdown"]).read_text()


def test_report_of_a_pair(pair: list[Path], tmp_path: Path) -> None:
    """One report, read from many sides: writing it is the slow part."""
    report = write_report(pair, tmp_path / "out", formats=list(FORMATS))
    text = report.read_text()
    assert report == tmp_path / "out" / "report.md"

    # Every number shown is a reading of the saved counts.
    for path, run in zip(pair, ("gmmseg\\_r18", "softmax\\_r18"), strict=True):
        for score in {row.score for row in RunFolder(path).rows() if row.score}:
            counts = ScoreCounts.from_arrays(RunFolder(path).load_counts("street_ood", score))
            line = next(line for line in text.splitlines() if line.startswith(f"| {run} | `{score}` |"))
            shown = [cell.strip(" *") for cell in line.split("|")[3:-2]]
            assert shown == [f"{100 * reading.read(counts):.2f}" for reading in READINGS.values() if reading.headline]

    # What was recorded is told.
    for told in (
        "Objects were pasted in: edges may give them away.",
        "Images: 3 of 3, all of them.",
        "| AP form | step sum, pooled over all images | all |",
        "formula of max\\_softmax",
        "<https://example.org/a_b>",
        "| Config SHA-256 | c0ffeec0ffee |",
        "| Libraries | numpy 2.4.6, torch 2.13.0 |",
        "gmmbench eval-ood --out softmax",
        READINGS["FPR95"].definition.replace(">", "&gt;"),
    ):
        assert told in text
    assert "Partial evaluation" not in text

    # Every figure named is there and is named, and shows something.
    written = files(tmp_path / "out")
    named = set(re.findall(r"\]\((figures/[^)]+)\)", text))
    drawn = {name for name in written if name.startswith("figures/") and not name.endswith(".webp")}
    assert named == drawn
    assert {Path(name).suffix for name in named} == {".png", ".svg", ".pdf"}
    for name in named:
        if name.endswith(".png"):
            with Image.open(tmp_path / "out" / name) as picture:
                pixels = np.asarray(picture.convert("RGB"))
            assert min(pixels.shape[:2]) > 150
            assert pixels.std() > 5
        else:
            assert 2_000 < len(written[name]) < 400_000
            assert b"<dc:date>" not in written[name]
            assert b"CreationDate" not in written[name]

    # All formats are there, and say the same of one number.
    assert {"report.md", "report.html", "report.json", "tables/ood_street_ood.csv", MANIFEST} <= set(written)
    assert {"tables/ood_street_ood.tex", "tables/classes_street.tex"} <= set(written)
    [best] = {row.value for row in RunFolder(pair[1]).rows() if row.score == "energy" and row.metric == "AP"}
    assert f"{100 * best:.2f}" in written["report.html"].decode()
    assert repr(best) in written["tables/ood_street_ood.csv"].decode()
    assert best in [
        entry["numbers"].get("AP", [None])[0] for entry in json.loads(written["report.json"])["facts"]["entries"]
    ]

    # Again, over the old report, gives the same bytes.
    write_report(pair, tmp_path / "out", formats=list(FORMATS))
    assert files(tmp_path / "out") == written
    assert not list(tmp_path.glob(".*")), "no half-written folder is left"


def test_an_unknown_format(pair: list[Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unknown format of a report 'htm'; did you mean 'html'"):
        write_report(pair, tmp_path / "out", formats=["htm"])
    with pytest.raises(InputError, match="unknown format of a report ''"):
        write_report(pair, tmp_path / "out", formats=[])
    assert not (tmp_path / "out").exists()


def test_fewer_formats_take_the_others_files_away(write_run: WriteRun, tmp_path: Path) -> None:
    run = write_run("r", "r", {}, images=1, pictures=False)
    write_report([run], tmp_path / "out", formats=list(FORMATS))
    write_report([run], tmp_path / "out", formats=["html"])
    assert set(files(tmp_path / "out")) == {"report.html", MANIFEST}


def test_partial_evaluation_is_said_in_words(write_run: WriteRun, tmp_path: Path) -> None:
    run = write_run("part", "part", {"energy": 1.0}, images=1, images_total=40, closed=None, pictures=False)
    text = markdown([run], tmp_path / "out")
    assert "<strong>Partial evaluation: 1 of 40 images.</strong>" in text
    assert "(partial evaluation: 1 of 40 images)" in text
    assert "No pictures were stored." in text


def test_public_leaves_out_frames_that_may_not_be_shown(write_run: WriteRun, tmp_path: Path) -> None:
    facts = {"name": "street_ood", "frames_may_be_shown": False}
    run = write_run("r", "r", {"energy": 1.0}, images=1, facts=facts, closed=None)
    out = tmp_path / "out"
    assert "figures/pictures_" in markdown([run], out)
    assert list(out.glob("figures/*.webp"))
    text = markdown([run], out, public=True)
    assert "Pictures of street\\_ood are left out: its terms do not allow" in text
    assert "figures/pictures_" not in text
    assert not list(out.glob("figures/pictures_*")), "the earlier report's pictures went too"
    assert not list(out.glob("figures/*.webp"))


def test_public_shows_frames_that_may_be_shown_only(write_run: WriteRun, tmp_path: Path) -> None:
    shown = write_run("a", "r", {"energy": 1.0}, images=1, closed=None)
    assert "figures/pictures_" in markdown([shown], tmp_path / "1", public=True)
    silent = write_run("b", "r", {"energy": 1.0}, images=1, closed=None, facts={})
    assert "are not recorded to allow" in markdown([silent], tmp_path / "2", public=True)


def test_images_that_one_run_lacks_are_skipped_with_a_note(write_run: WriteRun, tmp_path: Path) -> None:
    a = write_run("a", "gmm", {"neg_log_density": 1.0}, images=2, closed=None)
    b = write_run("b", "soft", {"energy": 1.0}, images=2, closed=None)
    next((b / "pictures" / "street_ood").glob("00_*")).unlink()
    text = markdown([a, b], tmp_path / "out")
    assert "Image street\\_000 is left out: no picture of soft." in text
    assert "figures/pictures_street_ood.png" in text


def test_hostile_names_and_undefined_numbers(write_run: WriteRun, tmp_path: Path) -> None:
    """A name that is Markdown, TeX and HTML at once, two data sets with one slug, and a set without OOD pixels."""
    name = "_a|b`c`*d*<script>alert(1)</script>$f$\\[g](h)\n# i 漢" + "x" * 170
    facts = {"title": name, "note": name, "citation": name, "frames_may_be_shown": True}
    options = {"images": 1, "facts": facts, "closed": None}
    run = write_run("r", name, {"energy": 1.0, "neg_log_density": 1.0}, dataset="d|x", **options)
    counts = ScoreCounts()
    labels = np.full((4, 4), IN, dtype=np.uint8)
    labels[0] = IGNORE
    counts.update(np.arange(16, dtype=np.float32).reshape(4, 4), labels)
    folder = RunFolder(run)
    folder.save_counts("d x", "energy", counts.to_arrays())
    rows = [Row("ood", name, "d x", metric, float("nan"), "energy", "logits") for metric in READINGS]
    folder.replace_rows("ood", "d x", rows)

    text = write_report([run], tmp_path / "out", formats=list(FORMATS)).read_text()
    shown = "\\_a\\|b\\`c\\`\\*d\\*&lt;script&gt;alert(1)&lt;/script&gt;\\$f\\$\\\\\\[g\\](h) \\# i 漢" + "x" * 170
    assert f"| {shown} | `energy` | n/a | n/a | n/a | logits |" in text
    assert "no row has a defined AP" in text
    assert "figures/curves_d-x.png" in text
    assert "figures/curves_d-x_2.png" in text
    assert "| Config | not recorded |" not in text, "the other data set's rows recorded it"
    page = (tmp_path / "out" / "report.html").read_text()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert json.loads((tmp_path / "out" / "report.json").read_text())["facts"]["models"][0]["label"] == name
    latex = (tmp_path / "out" / "tables" / "ood_d-x.tex").read_text()
    assert r"\textbar" in latex
    assert "<script>" not in latex


def test_nothing_recorded_is_said(write_run: WriteRun, tmp_path: Path) -> None:
    path = write_run("r", "r", {"energy": 1.0}, images=1, closed=None, pictures=False)
    folder = RunFolder(path)
    folder.replace_rows("ood", "street_ood", [replace(row, provenance={}, counts={}) for row in folder.rows()])
    text = markdown([path], tmp_path / "out")
    assert "| Config SHA-256 | not recorded |" in text
    assert "| `energy` | logits (discriminative) | not recorded | r |" in text
    assert "| AUROC ↑ | AP ↑ | FPR95 ↓ |" in text
    assert "Images: n/a seen, of n/a in total." in text


def test_runs_of_different_protocols_share_no_report(write_run: WriteRun, tmp_path: Path) -> None:
    runs = [
        write_run(form, form, {"energy": 1.0}, images=1, closed=None, protocol={"AP form": form, "network input": form})
        for form in ("step sum", "trapezoid")
    ]
    with pytest.raises(InputError, match="'AP form' is 'step sum' in one and 'trapezoid' in the other; evaluate both"):
        write_report(runs, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_networks_may_see_images_in_their_own_size_and_it_is_told(write_run: WriteRun, tmp_path: Path) -> None:
    runs = [
        write_run(size, f"net{size}", {"energy": 1.0}, images=1, closed=None, protocol={"network input": f"{size} px"})
        for size in ("480", "720")
    ]
    text = markdown(runs, tmp_path / "out")
    for size in ("480", "720"):
        assert f"| network input of net{size} | {size} px | all |" in text


def test_missing_damaged_or_foreign_counts_are_named(write_run: WriteRun, tmp_path: Path) -> None:
    run = write_run("r", "r", {"energy": 1.0}, images=1, pictures=False)
    out = tmp_path / "out"
    folder = RunFolder(run)

    other = ScoreCounts()
    other.update(np.array([0.0, 1.0], dtype=np.float32), np.array([0, 1], dtype=np.uint8))
    folder.save_counts("street_ood", "energy", other.to_arrays())
    with pytest.raises(InputError, match=r"energy\.npz gives AUROC 1\.0, but the row in results.jsonl says"):
        write_report([run], out)
    folder.save_counts("street_ood", "energy", {"keys": np.zeros(1)})
    with pytest.raises(InputError, match=r"counts/street_ood/energy\.npz: saved score counts hold no array"):
        write_report([run], out)
    (run / "counts" / "street_ood" / "energy.npz").unlink()
    with pytest.raises(InputError, match=r"missing .*counts/street_ood/energy\.npz"):
        write_report([run], out)
    assert not out.exists()


def test_missing_confusion_is_named(write_run: WriteRun, tmp_path: Path) -> None:
    run = write_run("r", "r", {}, images=1, pictures=False)
    text = markdown([run], tmp_path / "closed")
    assert "Closed set" in text
    assert "Out-of-distribution" not in text
    (run / "counts" / "street" / "confusion.npz").unlink()
    with pytest.raises(InputError, match=r"missing .*confusion\.npz"):
        write_report([run], tmp_path / "out")


def test_importing_the_report_imports_no_torch() -> None:
    code = "import sys, gmmbench.report; print({'torch', 'mmseg', 'mmcv', 'mmengine', 'pyplot'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
