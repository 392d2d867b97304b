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

    kept = tmp_path / "page.html"
    assert page.main(["--quick", "--keep", str(kept)]) == 0
    printed = capsys.readouterr().out
    assert "2 tables of 8 rows, 2 figures" in printed
    for measured in ("weight, MB", "load event, s", "first contentful paint, s", "all intervals, s"):
        assert measured in printed
    assert kept.read_text(encoding="utf-8").count("data:image/webp") == 2
