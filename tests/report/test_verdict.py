"""The verdict's words follow from the intervals."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gmmbench.report.blocks import Form, Number, plain
from gmmbench.report.material import material_of
from gmmbench.report.runs import load_runs
from gmmbench.report.sections.headline import lead
from gmmbench.report.sections.ood import ranked_sides
from gmmbench.report.sections.twins import twins_section
from gmmbench.report.verdict import Standing, closed_verdicts, ood_verdicts, standing

DrawnRun = Callable[..., Path]


def drawn(value: float, low: float, high: float) -> tuple[float, Any]:
    """A value whose paired difference to 0 has these ends."""
    return value, np.linspace(low, high, 1001)


ZERO = (0.0, np.zeros(1001))


def said(paths: list[Path], dataset: str = "street_ood") -> list[str]:
    material = material_of(load_runs(paths), Path(), public=True)
    return [plain(words) for words in ood_verdicts(material, dataset, ranked_sides(material, dataset))]


@pytest.mark.parametrize(
    ("low", "high", "better", "expected"),
    [
        (0.01, 0.02, "higher", Standing.BETTER),
        (0.01, 0.02, "lower", Standing.WORSE),
        (-0.02, -0.01, "lower", Standing.BETTER),
        (-0.02, -0.01, "higher", Standing.WORSE),
        (-0.01, 0.02, "higher", Standing.SAME),
        (0.0, 0.02, "higher", Standing.SAME),
        (None, None, "higher", Standing.UNKNOWN),
        (float("nan"), float("nan"), "higher", Standing.UNKNOWN),
        (0.01, 0.02, None, Standing.UNKNOWN),
    ],
)
def test_standing(low: float | None, high: float | None, better: str | None, expected: Standing) -> None:
    assert standing(Number(0.015, Form.POINTS, low, high), better) is expected


def test_beats_loses_and_no_difference_in_one_sentence(drawn_run: DrawnRun) -> None:
    """The rival's numbers are 0 on every resample, so the GMM's own are the differences."""
    metrics = {"AP": drawn(0.081, 0.04, 0.12), "AUROC": drawn(0.01, -0.02, 0.03), "FPR95": drawn(0.2, 0.1, 0.3)}
    gmm = drawn_run("g", "gmm", {"gmm_lse": ("density", metrics)}, config="g")
    twin = drawn_run("s", "soft", {"energy": ("logits", dict.fromkeys(metrics, ZERO))}, config="s")
    first, second = said([gmm, twin])
    assert first == (
        "street_ood: the GMM density (gmm_lse of gmm) beats its twin's best discriminative score (energy of soft) on"
        " AP by 8.10 [4.20, 11.80]; loses to it on FPR95 by 20.00 [10.50, 29.50];"
        " no difference on AUROC (+1.00 [−1.88, +2.88])."
    )
    assert second == (
        "street_ood: the best AP of all 2 rows is 8.10 % (gmm_lse of gmm); a chance score gives 10.00 %, so no row here"
        " is better than chance."
    )


def test_a_lower_fpr_is_a_win_by_so_many_points(drawn_run: DrawnRun) -> None:
    metrics = {"AP": drawn(0.0, -0.1, 0.1), "FPR95": drawn(-0.2, -0.3, -0.1)}
    gmm = drawn_run("g", "gmm", {"gmm_lse": ("density", metrics)}, config="g")
    twin = drawn_run("s", "soft", {"energy": ("logits", dict.fromkeys(metrics, ZERO))}, config="s")
    assert (
        "beats its twin's best discriminative score (energy of soft) on FPR95 by 20.00 [10.50, 29.50]"
        in said([gmm, twin])[0]
    )


def test_no_difference_at_all(drawn_run: DrawnRun) -> None:
    gmm = drawn_run("g", "gmm", {"gmm_lse": ("density", {"AP": drawn(0.001, -0.1, 0.1)})}, config="g")
    twin = drawn_run("s", "soft", {"energy": ("logits", {"AP": ZERO})}, config="s", recipe="another")
    [line, _] = said([gmm, twin])
    assert line == (
        "street_ood: the GMM density (gmm_lse of gmm) and the best discriminative score (energy of soft):"
        " no difference on AP (+0.10 [−9.50, +9.50])."
    )


def test_without_intervals_nobody_wins(drawn_run: DrawnRun) -> None:
    gmm = drawn_run("g", "gmm", {"gmm_lse": ("density", {"AP": (0.9, None)})}, config="g")
    twin = drawn_run("s", "soft", {"energy": ("logits", {"AP": (0.1, None)})}, config="s")
    line = said([gmm, twin])[0]
    assert "beats" not in line
    assert "without an interval, not told on AP (+80.00)" in line


def test_rows_within_noise_of_the_best_are_counted(drawn_run: DrawnRun) -> None:
    scores = {
        "a": ("logits", {"AP": drawn(0.5, 0.4, 0.6)}), "b": ("logits", {"AP": (0.499, np.linspace(0.6, 0.4, 1001))}),
        "c": ("logits", {"AP": drawn(0.2, 0.1, 0.3)}),
    }  # fmt: skip
    [line] = said([drawn_run("r", "r", scores)])
    best = "the best AP of all 3 rows is 50.00 % (a of r)"
    assert line == f"street_ood: {best}; 1 other row is within noise of it; a chance score gives 10.00 %."


def test_closed_sets(drawn_run: DrawnRun) -> None:
    paths = []
    for name, family, miou in (
        ("gmm", "density", drawn(0.62, 0.61, 0.63)),
        ("soft", "logits", drawn(0.60, 0.595, 0.605)),
    ):
        path = drawn_run(name, name, {"x": (family, {"AP": ZERO}), "confusion": (None, {"mIoU": miou})}, config=name)
        paths.append(path)
    material = material_of(load_runs(paths), Path(), public=True)
    [line] = [plain(words) for words in closed_verdicts(material, "street_ood")]
    assert line == ("street_ood: mIoU 62.00 (gmm) and 60.00 (soft): the GMM segments better, +2.00 [+1.53, +2.47].")
    assert lead(material) == "2 models (gmm, soft): closed set street_ood; anomaly segmentation on street_ood."


def test_the_twins_table_says_the_same(drawn_run: DrawnRun) -> None:
    metrics = {"AP": drawn(0.081, 0.04, 0.12), "FPR95": drawn(0.2, 0.1, 0.3)}
    gmm = drawn_run("g", "gmm", {"gmm_lse": ("density", metrics)}, config="g")
    twin = drawn_run("s", "soft", {"energy": ("logits", dict.fromkeys(metrics, ZERO))}, config="s")
    section = twins_section(material_of(load_runs([gmm, twin]), Path(), public=True))
    assert section is not None
    table = section.blocks[-1]
    shown = {row[0]: row[-1] for row in table.rows}  # type: ignore[union-attr]
    assert shown == {"AP ↑": "better", "FPR95 ↓": "worse"}
    assert twins_section(material_of(load_runs([gmm]), Path(), public=True)) is None
