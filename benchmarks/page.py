"""What the page of a large report weighs, and how long a browser takes to open it.

    python benchmarks/page.py
    python benchmarks/page.py --page reports/camvid/report.html

The report is written by ``gmmbench report``'s own code from run folders of ``made_up_runs.py``: 30 data sets, 40
scores of a GMM and its twin, means over 5 seeds, with deviations, intervals and curves. That takes minutes; ``--keep``
keeps it. Chromium opens the page ``--repeat`` times, each in a new context. The times are those of the browser's own
clock, from the start of the navigation to the load event and to the first contentful paint. Then the readers' dearest
wishes: all intervals, a table sorted, a table filtered, each to the next frame. The exit code is 1 where the page is
heavier than 15 MB or took longer than 2 s in every round; ``--quick`` is a page that says nothing of speed.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from shutil import which

from made_up_runs import write_runs
from playwright.sync_api import Page, sync_playwright
from rich.console import Console
from rich.table import Table as Grid

from gmmbench.report import write_report

MOST_MB, MOST_SECONDS = 15.0, 2.0
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip

OPENED = """() => {
  const [visit] = performance.getEntriesByType("navigation");
  const [paint] = performance.getEntriesByName("first-contentful-paint");
  return [visit.loadEventEnd, paint ? paint.startTime : NaN];
}"""
WISH = """(selector) => new Promise((done) => {
  const start = performance.now();
  const found = document.querySelector(selector);
  if (found.matches("input")) { found.value = "score 1"; found.dispatchEvent(new Event("input", {bubbles: true})); }
  else found.click();
  requestAnimationFrame(() => setTimeout(() => done(performance.now() - start)));
})"""
WISHES = {
    "all intervals": "#page-intervals",
    "sort a table": ".table th:nth-child(5) button",
    "filter a table": ".table input",
}
CONTENT = {"tables": "main table", "rows": "main tbody tr", "pictures": "main img"}


def opened(page: Page, file: Path) -> tuple[float, float]:
    """Seconds to the load event and to the first contentful paint."""
    page.goto(file.as_uri(), wait_until="load")
    page.wait_for_function("() => performance.getEntriesByName('first-contentful-paint').length")
    load, paint = page.evaluate(OPENED)
    return load / 1000, paint / 1000


def measure(
    file: Path, repeat: int, browser_path: str
) -> tuple[list[tuple[float, float]], dict[str, float], dict[str, int]]:
    """Of each round the seconds to load and to paint; of the last one the readers' wishes, and what the page holds."""
    rounds = []
    wishes: dict[str, float] = {}
    content: dict[str, int] = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=FLAGS)
        for _ in range(repeat):
            context = browser.new_context(viewport={"width": 1280, "height": 900})
            page = context.new_page()
            rounds.append(opened(page, file))
            wishes = {name: page.evaluate(WISH, selector) / 1000 for name, selector in WISHES.items()}
            content = {name: page.locator(selector).count() for name, selector in CONTENT.items()}
            context.close()
        browser.close()
    return rounds, wishes, content


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--page", type=Path, help="measure this page instead of writing one")
    for name, usual in (("datasets", 30), ("scores", 40), ("seeds", 5), ("repeat", 5)):
        parser.add_argument(f"--{name}", type=int, default=usual)
    parser.add_argument("--keep", type=Path, help="write run folders and report here")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args(arguments)
    if options.quick:
        options.datasets, options.scores, options.seeds, options.repeat = 2, 4, 2, 1
    browser_path = which("chromium") or which("chromium-browser") or which("google-chrome")
    if browser_path is None:
        parser.error("no chromium found: apt-get install chromium")

    with tempfile.TemporaryDirectory() as name:
        file, writing = options.page, 0.0
        if file is None:
            folder = options.keep or Path(name)
            runs = write_runs(folder / "runs", options.datasets, options.scores, options.seeds)
            start = time.perf_counter()
            file = write_report(runs, folder / "report", formats=["html"])
            writing = time.perf_counter() - start
        rounds, wishes, content = measure(file.resolve(), options.repeat, browser_path)
        size = file.stat().st_size / 1e6

    load, paint = (sorted(times) for times in zip(*rounds, strict=True))
    grid = Grid(title=", ".join(f"{number:,} {what}" for what, number in content.items()))
    for head in ("what", "least", "median", "most", "limit"):
        grid.add_column(head, justify="left" if head == "what" else "right")
    grid.add_row("weight, MB", "", f"{size:.2f}", "", f"{MOST_MB:g}")
    if writing:
        grid.add_row("writing the report, s", "", f"{writing:.2f}", "", "")
    for label, times in (("load event, s", load), ("first contentful paint, s", paint)):
        least, middle, most = times[0], times[len(times) // 2], times[-1]
        grid.add_row(label, f"{least:.2f}", f"{middle:.2f}", f"{most:.2f}", f"{MOST_SECONDS:g}")
    for label, seconds in wishes.items():
        grid.add_row(f"{label}, s", "", f"{seconds:.2f}", "", "")
    Console().print(grid)
    return int(size > MOST_MB or max(load[0], paint[0]) > MOST_SECONDS)


if __name__ == "__main__":
    raise SystemExit(main())
