"""benchmarks/page.py at a size that says nothing of speed: it runs, and prints what it measured."""

from __future__ import annotations

from pathlib import Path
from shutil import which

import pytest

pytest.importorskip("playwright.sync_api", reason="no playwright: pip install gmmbench[browser]")


@pytest.mark.skipif(which("chromium") is None, reason="no chromium: apt-get install chromium")
def test_a_made_up_page_is_weighed_and_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    import page

    assert page.main(["--quick", "--keep", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    for what in ("weight, MB", "load event, s", "first contentful paint, s", "all intervals, s", "filter a table, s"):
        assert what in printed
    kept = tmp_path / "report" / "report.html"
    assert kept.read_text(encoding="utf-8").count("<i>★</i>") >= 2
    assert page.main(["--page", str(kept), "--repeat", "1"]) == 0
