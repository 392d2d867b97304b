"""Rows -> DataFrames, and what may not share one."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from gmmbench.errors import InputError
from gmmbench.metrics import READINGS, ScoreCounts
from gmmbench.report import headline
from gmmbench.report.choose import for_curves, for_heat_maps
from gmmbench.report.runs import load_runs
from gmmbench.report.tables import class_table, closed_table, coverage_table, ood_table, summary_table
from gmmbench.results import ROWS, Row, RunFolder

WriteRun = Callable[..., Path]

HEADLINE = {name: reading for name, reading in READINGS.items() if reading.headline}


def rows_only(path: Path, *rows: Row) -> Path:
    RunFolder(path).replace_rows("ood", "d", rows)
    return path


def test_ood_table_is_the_readings_of_the_counts(pair: list[Path]) -> None:
    runs = load_runs(pair)
    table = ood_table(runs, "street_ood")
    folders = {run.label: run.folder for run in runs}
    for _, row in table.iterrows():
        counts = ScoreCounts.from_arrays(folders[row["run"]].load_counts("street_ood", row["score"]))
        for metric, reading in HEADLINE.items():
            assert row[metric] == reading.read(counts)
        assert (row["pixels_in"], row["pixels_ood"]) == (counts.pixels_in, counts.pixels_ood)
        assert row["prevalence"] == counts.pixels_ood / (counts.pixels_in + counts.pixels_ood)


def test_density_block_comes_first_and_runs_keep_their_order(pair: list[Path]) -> None:
    table = ood_table(load_runs(pair[::-1]), "street_ood")
    assert list(zip(table["family"], table["run"], table["score"], strict=True)) == [
        ("density", "gmmseg_r18", "neg_log_density"),
        ("density", "gmmseg_r18", "mahalanobis"),
        ("logits", "softmax_r18", "energy"),
        ("logits", "softmax_r18", "max_softmax"),
        ("logits", "gmmseg_r18", "energy"),
    ]


def test_coverage_is_one_row_where_all_saw_the_same(pair: list[Path], write_run: WriteRun) -> None:
    assert len(coverage_table(ood_table(load_runs(pair), "street_ood"))) == 1
    partial = write_run("part", "part", {"energy": 1.0}, images=1, images_total=3)
    coverage = coverage_table(ood_table(load_runs([*pair, partial]), "street_ood"))
    assert [(row["images"], row["runs"]) for _, row in coverage.iterrows()] == [
        (3, ["gmmseg_r18", "softmax_r18"]),
        (1, ["part"]),
    ]


def test_closed_tables(pair: list[Path]) -> None:
    runs = load_runs(pair)
    closed, classes = closed_table(runs, "street"), class_table(runs, "street")
    assert list(closed["run"]) == ["gmmseg_r18", "softmax_r18"]
    assert list(classes.columns) == ["class", "gmmseg_r18", "softmax_r18"]
    assert list(classes["class"]) == ["road", "sky", "building", "car"]
    # The mean over the classes is the mIoU: both come from one matrix.
    assert classes["gmmseg_r18"].mean() == pytest.approx(closed["mIoU"].iloc[0])


def test_missing_metrics_and_counts_are_nan(tmp_path: Path) -> None:
    rows = [Row("ood", "r", "d", "AP", 0.5, "s", "logits"), Row("ood", "r", "d", "mine", 0.1, "t")]
    table = ood_table(load_runs([rows_only(tmp_path / "r", *rows)]), "d")
    assert list(table.columns[:5]) == ["run", "score", "family", "AP", "mine"]
    assert list(table["family"]) == ["logits", "other"]
    assert table.isna().loc[0, ["mine", "images", "prevalence"]].all()


def test_same_run_names_are_told_apart_by_folder(tmp_path: Path) -> None:
    row = Row("ood", "r", "d", "AP", 0.5, "s", "logits")
    names = ["x/one", "x/two", "y/one"]
    runs = load_runs([rows_only(tmp_path / name, row) for name in names])
    assert [run.label for run in runs] == ["r (x/one)", "r (x/two)", "r (y/one)"]


def test_protocols_that_differ_are_refused(write_run: WriteRun) -> None:
    a = write_run("a", "gmm", {"energy": 1.0}, protocol={"resolution": "full", "AP form": "step"})
    b = write_run("b", "soft", {"energy": 1.0}, protocol={"resolution": "half", "AP form": "step"})
    with pytest.raises(InputError, match=r"'gmm'.*'soft'.*'resolution' is 'full' in one and 'half' in the other"):
        load_runs([a, b])


def test_bad_run_folders_are_named(tmp_path: Path) -> None:
    row = Row("ood", "r", "d", "AP", 0.5, "s", "logits")
    with pytest.raises(InputError, match="no run folders"):
        load_runs([])
    with pytest.raises(InputError, match=r"missing-run.*wanted results\.jsonl"):
        load_runs([tmp_path / "missing-run"])
    one = rows_only(tmp_path / "one", row)
    with pytest.raises(InputError, match=r"one is given 2 times"):
        load_runs([one, one])
    with pytest.raises(InputError, match=r"empty/results\.jsonl is empty"):
        load_runs([rows_only(tmp_path / "empty")])
    with pytest.raises(InputError, match="several runs \\('r', 'q'\\)"):
        load_runs([rows_only(tmp_path / "mixed", row, Row("ood", "q", "d", "AP", 0.5, "t"))])
    with pytest.raises(InputError, match="2 rows of AP s on d"):
        load_runs([rows_only(tmp_path / "twice", row, row)])


def chosen(table: pd.DataFrame) -> list[tuple[str, str]]:
    return list(zip(table["run"], table["score"], strict=True))


def frame(*rows: tuple[str, str, str, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["run", "score", "family", "AP"])


def test_curves_take_density_rows_and_the_best_rival_of_each_run() -> None:
    table = frame(
        ("g", "nll", "density", 0.3), ("g", "maha", "density", 0.4), ("g", "energy", "logits", 0.1),
        ("g", "msp", "logits", 0.2), ("s", "energy", "logits", 0.6), ("s", "msp", "logits", math.nan),
    )  # fmt: skip
    assert chosen(for_curves(table)) == [("g", "nll"), ("g", "maha"), ("g", "msp"), ("s", "energy")]
    many = frame(*((f"r{i}", "nll", "density", i / 10) for i in range(9)))
    assert chosen(for_curves(many)) == [(f"r{i}", "nll") for i in range(3, 9)]
    assert len(for_curves(frame(("s", "a", "logits", 0.1), ("s", "b", "logits", 0.2)))) == 2


def test_heat_maps_are_the_first_density_and_the_best_logits() -> None:
    density = [("g", "nll", "density", 0.3), ("g", "maha", "density", 0.4)]
    logits = [("s", "msp", "logits", 0.1), ("s", "energy", "logits", 0.2), ("s", "max", "logits", 0.3)]
    assert chosen(for_heat_maps(frame(*density, *logits))) == [("g", "nll"), ("s", "max")]
    assert chosen(for_heat_maps(frame(*logits))) == [("s", "max"), ("s", "energy")]
    assert chosen(for_heat_maps(frame(*density))) == [("g", "nll"), ("g", "maha")]
    assert chosen(for_heat_maps(frame(density[0]))) == [("g", "nll")]


def test_summary_and_headline(pair: list[Path], write_run: WriteRun) -> None:
    closed_only = write_run("closed", "[red]only_closed", {}, mistakes=0.5)
    runs = [*pair, closed_only]
    summary = summary_table(load_runs(runs), ["street_ood"], ["street"])
    assert list(summary.columns) == ["dataset", "run", "score", "family", *HEADLINE, "mIoU of street"]
    assert len(summary) == 6
    console = Console(width=160, record=True, file=io.StringIO())
    console.print(headline(runs))
    text = console.export_text()
    assert "FPR95 ↓" in text
    assert "[red]only_closed" in text
    assert f"{100 * summary['AP'].max():.2f}" in text
    assert f"{100 * summary['mIoU of street'].max():.2f}" in text


def test_headline_needs_rows(tmp_path: Path) -> None:
    (tmp_path / ROWS).write_text("")
    with pytest.raises(InputError, match="empty"):
        headline([tmp_path])
