"""Others' rows beside ours: ours first, others by rank, each with its mark, and why it is no contest."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from gmmbench.published import MARK, published
from gmmbench.report.blocks import Fold, Link, Number, Paragraph, Section, Table, plain, walk
from gmmbench.report.material import Material, material_of
from gmmbench.report.runs import load_runs
from gmmbench.report.sections.published import LONG, OURS, RELATED, SHOWN, published_section

WriteRun = Callable[..., Path]


def section_of(runs: Sequence[Path]) -> Section:
    section = published_section(material(runs))
    assert section is not None
    return section


def material(runs: Sequence[Path]) -> Material:
    return material_of(load_runs(runs), Path("figures"), public=True)


def tables_of(section: Section) -> dict[str, Table]:
    found = [block for block in walk([section]) if isinstance(block, Table)]
    keys = [block.key for block in walk([section]) if isinstance(block, (Section, Table))]
    assert len(set(keys)) == len(keys)
    return {table.key: table for table in found}


def column(table: Table, key: str) -> list[object]:
    place = [one.key for one in table.columns].index(key)
    return [row[place] for row in table.rows]


def text(cell: object) -> str:
    assert isinstance(cell, (str, tuple, Link))
    return plain(cell)


def numbers(table: Table, key: str, whose: str) -> list[float]:
    cells = zip(column(table, "whose"), column(table, key), strict=True)
    mine = [cell for owner, cell in cells if owner == whose]
    return [cell.value if isinstance(cell, Number) else math.nan for cell in mine]


@pytest.fixture
def pair(write_run: WriteRun) -> list[Path]:
    common = {"provenance": {"training": {"iterations": 3200}}, "pictures": False, "shape": (30, 60), "images": 2}
    scores = {"gmm_max": 1.0, "gmm_lse": 1.5, "msp": 3.0}
    families = {"gmm_max": "density", "gmm_lse": "density", "msp": "posterior"}
    return [
        write_run("g", "gmm", scores, dataset="road_anomaly", closed="camvid", families=families, **common),
        write_run("s", "soft", {"energy": 2.6, "msp": 1.4}, dataset="road_anomaly", closed="camvid", **common),
    ]


def test_ours_come_first_the_best_and_the_density_of_each_model(pair: list[Path]) -> None:
    table = tables_of(section_of(pair))["published-road_anomaly-rows"]
    owners = column(table, "whose")
    assert owners == [OURS] * 3 + [MARK] * len(published("road_anomaly"))
    assert [text(cell) for cell in column(table, "method")[:3]] == ["gmm, msp", "gmm, gmm_lse", "soft, energy"]
    runs = {run.label: run for run in load_runs(pair)}
    for score, label, shown in zip(
        ["msp", "gmm_lse", "energy"], ["gmm", "gmm", "soft"], numbers(table, "AP", OURS), strict=True
    ):
        [row] = [row for row in runs[label].of("ood") if (row.score, row.metric) == (score, "AP")]
        assert shown == row.value


def test_a_density_that_is_the_best_score_is_one_row(write_run: WriteRun) -> None:
    run = write_run("g", "gmm", {"neg_log_density": 3.0, "energy": 0.5}, dataset="road_anomaly", pictures=False)
    table = tables_of(section_of([run]))["published-road_anomaly-rows"]
    assert column(table, "whose").count(OURS) == 1
    assert text(column(table, "note")[0]).startswith("its best AP and its best density; trained by configs/gmm.py")


def test_the_note_says_what_ours_were_trained_on(pair: list[Path], write_run: WriteRun) -> None:
    table = tables_of(section_of(pair))["published-road_anomaly-rows"]
    assert column(table, "note")[2] == "its best AP; trained by configs/soft.py, closed set camvid, 3200 iterations"
    unknown = write_run(
        "u", "u", {"msp": 1.0}, dataset="road_anomaly", closed=None, provenance={"config": None}, pictures=False
    )
    table = tables_of(section_of([unknown]))["published-road_anomaly-rows"]
    assert column(table, "note")[0] == "its best AP; what it was trained on is not recorded"


def test_others_go_down_by_ap_and_those_without_come_last(pair: list[Path]) -> None:
    values = numbers(tables_of(section_of(pair))["published-road_anomaly-rows"], "AP", MARK)
    known = [value for value in values if not math.isnan(value)]
    assert known == sorted(known, reverse=True)
    assert all(math.isnan(value) for value in values[len(known) :])
    assert len(known) < len(values)


def test_every_published_row_has_note_protocol_and_source(pair: list[Path]) -> None:
    table = tables_of(section_of(pair))["published-road_anomaly-rows"]
    notes = dict(plain(note).split(": ", 1) for note in table.notes[:-1])
    rows = {(row.method, row.note, row.source): row for row in published("road_anomaly")}
    columns = (column(table, key) for key in ("whose", "method", "note", "source"))
    seen = 0
    for whose, method, note, cell in zip(*columns, strict=True):
        if whose == MARK:
            assert isinstance(cell, tuple)
            source, tag = cell
            row = rows[text(method), text(note), text(source)]
            assert notes[text(tag).removeprefix(", ")] == row.protocol
            assert isinstance(source, Link)
            assert source.url == row.url
            seen += 1
    assert seen == len(rows) == len(published("road_anomaly"))


def test_numbers_stand_as_printed_where_that_is_short_and_missing_ones_are_empty(pair: list[Path]) -> None:
    table = tables_of(section_of(pair))["published-road_anomaly-rows"]
    cells = dict(zip(map(text, column(table, "method")), column(table, "AUROC"), strict=True))
    assert cells["UEM, GMM (G-G)"] is None
    assert cells["kNN"] in (Number(0.604013161498595), Number(0.9052858340643977))  # 14 digits are not for a table
    aps = dict(zip(map(text, column(table, "method")), column(table, "AP"), strict=True))
    assert aps["UEM, GMM (G-G)"] == Number(0.9375, printed="93.75")


def test_a_long_table_stands_in_a_fold_with_its_best_and_gmmseg_before_it(pair: list[Path]) -> None:
    section = section_of(pair)
    [fold] = [
        block
        for block in walk([section])
        if isinstance(block, Fold)
        and isinstance(block.blocks[0], Table)
        and block.blocks[0].key == "published-road_anomaly-rows"
    ]
    assert fold.title == f"All {len(published('road_anomaly'))} published rows"
    top = tables_of(section)["published-road_anomaly-best"]
    methods = [
        text(cell) for owner, cell in zip(column(top, "whose"), column(top, "method"), strict=True) if owner == MARK
    ]
    assert len(methods) == SHOWN + 1
    assert methods[-1] == "GMMSeg"
    assert f"the {SHOWN} best AP of" in top.title
    used = {text(cell).rpartition(", ")[2] for cell in column(top, "source")} - {"this report"}
    assert used == {plain(note).split(":")[0] for note in top.notes[:-1]}
    assert text(column(top, "source")[3]).endswith(", P1")


def test_a_short_table_stands_open(write_run: WriteRun) -> None:
    section = section_of([write_run("a", "a", {"msp": 1.0}, dataset="street_hazards", pictures=False)])
    assert len(published("street_hazards")) <= LONG
    assert not [block for block in walk([section]) if isinstance(block, Fold)]
    assert list(tables_of(section)) == ["published-street_hazards-rows"]


def test_rows_on_the_hidden_part_stand_apart_and_say_so(write_run: WriteRun) -> None:
    section = section_of([write_run("a", "a", {"msp": 1.0}, dataset="road_anomaly21", pictures=False)])
    found = tables_of(section)
    hidden = found["published-road_anomaly21-road_anomaly21_test-rows"]
    assert numbers(hidden, "AP", MARK)[0] == 0.9633037044
    assert {"sIoU", "PPV", "F1*"} <= {one.key for one in hidden.columns}
    assert "F1" not in {one.key for one in hidden.columns}
    told = [plain(block.words) for block in walk([section]) if isinstance(block, Paragraph)]
    assert any("road_anomaly21_test" in words and "hidden test images" in words for words in told)
    assert len({row.source for row in published("road_anomaly21_test")}) == 2  # the leaderboard, and UEM's README


def test_closed_sets_go_by_miou(write_run: WriteRun) -> None:
    run = write_run("a", "a", {"msp": 1.0}, closed="cityscapes", pictures=False)
    found = tables_of(section_of([run]))
    table = found["published-cityscapes-rows"]
    [row] = [row for row in load_runs([run])[0].of("closed") if row.metric == "mIoU"]
    assert numbers(table, "mIoU", OURS) == [row.value]
    values = numbers(table, "mIoU", MARK)
    assert values == sorted(values, reverse=True)
    assert [one.key for one in table.columns if one.numeric] == ["mIoU"]
    assert "published-cityscapes-cityscapes_test-rows" in found


def test_seeds_are_one_row_with_their_mean(write_run: WriteRun) -> None:
    recipe = {"config": "configs/same.py", "config_sha256": "x"}
    runs = [
        write_run(
            name,
            "same",
            {"msp": skill},
            dataset="road_anomaly",
            closed=None,
            pictures=False,
            provenance=recipe | {"seed": seed, "checkpoint_sha256": name},
        )
        for seed, (name, skill) in enumerate([("a", 1.0), ("b", 2.0)])
    ]
    table = tables_of(section_of(runs))["published-road_anomaly-rows"]
    [cell] = [cell for owner, cell in zip(column(table, "whose"), column(table, "AP"), strict=True) if owner == OURS]
    values = [row.value for run in load_runs(runs) for row in run.of("ood") if row.metric == "AP"]
    assert isinstance(cell, Number)
    assert cell.value == pytest.approx(sum(values) / 2)
    assert cell.seeds == 2


def test_the_warning_comes_first(pair: list[Path]) -> None:
    first = section_of(pair).blocks[0]
    assert isinstance(first, Paragraph)
    assert first.warning
    assert "not directly comparable" in plain(first.words)
    assert MARK in plain(first.words)


def test_no_section_where_nobody_published(write_run: WriteRun) -> None:
    assert published_section(material([write_run("a", "a", {"msp": 1.0}, pictures=False)])) is None


def test_related_sets_have_rows() -> None:
    assert all(published(name) for names in RELATED.values() for name in names)
