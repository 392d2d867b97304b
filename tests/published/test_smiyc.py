"""The leaderboard in the package is the one that was downloaded: every method, every digit."""

from __future__ import annotations

import json
import os
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from gmmbench.published import Published, published

SHARED = Path(os.environ.get("GMMBENCH_SHARED") or Path(__file__).resolve().parents[3] / "shared")
BOARD = SHARED / "docs" / "smiyc_leaderboard_2026-04-08.json"
SOURCE = "SegmentMeIfYouCan leaderboard, 2026-04-08"

# track: (our data set, prefix of the pixel metrics, prefix of the component metrics)
TRACKS = {
    "anomaly_track": ("road_anomaly21_test", "AnomalyTrack-test-", "SegEval-AnomalyTrack-"),
    "obstacle_track": ("road_obstacle21_test", "ObstacleTrack-test-", "SegEval-ObstacleTrack-"),
    "laf_no_known": ("lost_and_found_noknown", "LostAndFound-testNoKnown-", "SegEval-ObstacleTrack-"),
}
PIXELS = {"AP": "area_PRC", "FPR95": "tpr95_fpr", "F1": "best_f1"}
COMPONENTS = {"sIoU": "sIoU_gt", "PPV": "prec_pred", "F1*": "f1_mean"}
OOD_DATA = {True: "OoD data: yes", False: "OoD data: no", None: "OoD data: not said"}


def rows_of(dataset: str) -> list[Published]:
    return [row for row in published(dataset) if row.source == SOURCE]


def test_all_methods_and_tracks_are_there() -> None:
    assert [len(rows_of(dataset)) for dataset, _, _ in TRACKS.values()] == [47, 45, 21]


def test_cells_as_field_md_rounds_them() -> None:
    # shared/docs/field.md, 4.4: method, OoD data: AP, FPR95, sIoU, PPV, F1* with two digits.
    expected = {
        ("road_anomaly21_test", "UNO", "yes"): ("96.33", "1.98", "68.51", "55.77", "62.61"),
        ("road_anomaly21_test", "UNO", "no"): ("96.10", "2.27", "68.01", "51.86", "58.87"),
        ("road_anomaly21_test", "Maximum Softmax", "no"): ("27.97", "72.05", "15.48", "15.29", "5.37"),
        ("road_anomaly21_test", "Ensemble", "no"): ("17.66", "91.06", "16.44", "20.77", "3.39"),
        ("road_obstacle21_test", "AnomDINO+RbA", "yes"): ("97.14", "0.03", "76.73", "93.88", "92.79"),
        ("road_obstacle21_test", "Embedding Density", "no"): ("0.82", "46.38", "35.64", "2.87", "2.31"),
    }
    for (dataset, method, ood), cells in expected.items():
        [row] = [row for row in rows_of(dataset) if row.method == method and f"OoD data: {ood}" in row.note]
        assert tuple(f"{Decimal(row.printed[name]):.2f}" for name in ("AP", "FPR95", "sIoU", "PPV", "F1*")) == cells
    laf = {
        row.method: (f"{row.values['AP']:.2%}", f"{row.values['FPR95']:.2%}")
        for row in rows_of("lost_and_found_noknown")
    }
    assert laf["NFlowJS"] == ("89.28%", "0.65%")
    assert laf["PixOOD"] == ("85.07%", "4.46%")
    assert laf["Ensemble"] == ("2.89%", "82.03%")


@pytest.mark.skipif(not BOARD.is_file(), reason=f"no {BOARD}; set GMMBENCH_SHARED to the folder of the shared files")
@pytest.mark.parametrize("track", TRACKS)
def test_the_file_is_the_downloaded_board(track: str) -> None:
    board: dict[str, list[dict[str, Any]]] = json.loads(BOARD.read_text("utf-8"), parse_float=Decimal)
    assert set(board) == set(TRACKS)
    dataset, pixels, components = TRACKS[track]
    names = {name: f"{pixels}PixBinaryClass-{key}" for name, key in PIXELS.items()}
    names |= {name: f"{pixels}{components}{key}" for name, key in COMPONENTS.items()}
    downloaded = Counter(
        (entry["method"].strip(), OOD_DATA[entry.get("requires_ood")], *(entry[key] * 100 for key in names.values()))
        for entry in board[track]
    )
    ours = Counter(
        (row.method, row.note.split(";")[0], *(Decimal(row.printed[name]) for name in names))
        for row in rows_of(dataset)
    )
    assert ours == downloaded
    for entry, row in zip(board[track], rows_of(dataset), strict=True):
        paper = (entry.get("paper") or "").strip()
        number = paper.removesuffix(".pdf").rpartition("/")[2] if "arxiv.org" in paper else paper
        assert number in row.note
        assert len(row.note.split("; ")) == 1 + bool(paper)
