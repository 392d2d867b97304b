"""The benchmark of the metrics at a size that says nothing of speed: it runs, and its values are within limits."""

from __future__ import annotations

from pathlib import Path

import pytest


def test_values_are_within_limits_of_the_exact_ones_and_of_sklearns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "benchmarks"))
    import metrics

    case = ["--pixels", "90000", "--rival-pixels", "60000", "--case", "density", "--rivals", "sklearn"]
    assert metrics.main(case) == 0
    printed = capsys.readouterr().out
    assert "all within the limits" in printed
    assert "extrapolated" in printed
    assert printed.count("FPR95") == 2
