"""One page over all runs found."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from gmmbench.errors import InputError
from gmmbench.report import write_report
from gmmbench.report.blocks import Mark, Number, Table, tables
from gmmbench.report.entries import read_entries
from gmmbench.report.leaderboard import Found, leaderboard, write_leaderboard

DrawnRun = Callable[..., Path]
WriteRun = Callable[..., Path]
SCORES = {"energy": 2.0, "neg_log_density": 1.0}


def found(*runs: Path) -> list[Table]:
    from gmmbench.report.entries import entries_of
    from gmmbench.report.material import material_of
    from gmmbench.report.runs import load_runs

    each = [
        Found(run.name, entry) for run in runs for entry in entries_of(material_of(load_runs([run]), run, public=True))
    ]
    return tables(leaderboard(each))


def column(table: Table, key: str) -> list[object]:
    place = [one.key for one in table.columns].index(key)
    return [row[place] for row in table.rows]


def test_all_runs_of_a_data_set_stand_in_one_table_best_first(drawn_run: DrawnRun) -> None:
    values = {"a": 0.5, "b": 0.7, "c": float("nan")}
    runs = [drawn_run(name, name, {"msp": ("logits", {"AP": (v, None)})}, config=name) for name, v in values.items()]
    [table] = found(*runs)
    assert column(table, "model") == ["b", "a", "c"]
    assert [cell.mark for cell in column(table, "AP") if isinstance(cell, Number)] == [Mark.BEST, Mark.NONE, Mark.NONE]
    assert column(table, "found_in") == ["b", "a", "c"]


def test_other_protocols_other_tables_and_the_reason(drawn_run: DrawnRun) -> None:
    score = {"msp": ("logits", {"AP": (0.5, None)})}
    first = drawn_run("a", "a", score, protocol={"AP form": "step sum", "network input": "480 px"})
    wide = drawn_run("b", "b", score, protocol={"AP form": "step sum", "network input": "720 px"})
    other = drawn_run("c", "c", score, protocol={"AP form": "trapezoid", "network input": "480 px"})
    assert [len(table.rows) for table in found(first, wide, other)] == [2, 1]


def test_reports_and_run_folders_below_a_folder_each_number_once(write_run: WriteRun, tmp_path: Path) -> None:
    run = write_run("all/runs/gmm", "gmm", SCORES, pictures=False)
    write_report([run], tmp_path / "all" / "reports" / "one", formats=("json",))
    entries = read_entries(tmp_path / "all" / "reports" / "one" / "report.json")
    assert {(entry.task, entry.score) for entry in entries} == {
        ("ood", "energy"), ("ood", "neg_log_density"), ("closed", None),
    }  # fmt: skip
    for _ in range(2):  # the second time it finds its own page, which is no report
        page, number = write_leaderboard([tmp_path / "all"], tmp_path / "all" / "leaderboard")
        assert number == 3
    assert page.name == "report.md"
    text = page.read_text()
    assert text.count("badcabbadcab") == 3
    assert "reports/one" in text
    assert json.loads((page.parent / "report.json").read_text())["facts"]["found in"] == ["reports/one"]


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no folder at"):
        write_leaderboard([tmp_path / "missing"], tmp_path / "out")
    with pytest.raises(InputError, match=r"no report\.json and no results\.jsonl in"):
        write_leaderboard([tmp_path], tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", ["", "[]", '{"facts": {}}', '{"facts": {"entries": [{"task": "ood"}]}}'])
def test_a_damaged_report_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "report.json").write_text(content)
    with pytest.raises(InputError, match=r"report\.json is no report\.json of gmmbench"):
        write_leaderboard([tmp_path], tmp_path / "out")
