"""What the page of a large report weighs, and how long a browser takes to open it.

    python benchmarks/page.py

30 data sets, 40 scores of two models, means over 5 seeds with their deviations and intervals, four drawn figures a
data set: all made up, none alike. Chromium opens the page ``--repeat`` times, each in a new context; the times are
those of the browser's own clock, from the start of the navigation to the load event and to the first contentful
paint. Then the readers' dearest wishes: all intervals, a table sorted, a table filtered, each to the next frame.
The exit code is 1 where the page is heavier than 15 MB or took longer than 2 s in every round; ``--quick`` is a page
that says nothing of speed.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from shutil import which

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Drawing
from playwright.sync_api import Page, sync_playwright
from rich.console import Console
from rich.table import Table as Grid

from gmmbench.report.blocks import (
    Code,
    Column,
    Figure,
    Fold,
    Form,
    Mark,
    Number,
    Paragraph,
    Report,
    Section,
    Table,
    walk,
)
from gmmbench.report.render.html import to_html

MOST_MB, MOST_SECONDS = 15.0, 2.0
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
MODELS = ("mobilenetv2_mlp_gmm", "mobilenetv2_mlp_softmax")
METRICS = (
    ("AUROC", "higher"), ("AP", "higher"), ("FPR95", "lower"), ("F1*", "higher"), ("sIoU", "higher"),
    ("PPV", "higher"), ("mean F1", "higher"),
)  # fmt: skip

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


def made_up(datasets: int, scores: int, figures: int, folder: Path) -> Report:
    """A report of blocks alone, its figures drawn into ``folder``."""
    rng = np.random.default_rng(0)
    return Report(
        "Anomaly segmentation report",
        f"2 models, {scores} scores, 5 seeds, {datasets} data sets: numbers drawn by lot.",
        (
            Section("verdicts", "Verdict", (Paragraph("None: these numbers were drawn by lot."),)),
            Section(
                "ood",
                "Out-of-distribution segmentation",
                tuple(part(rng, f"set_{number:02}", scores, figures, folder) for number in range(datasets)),
            ),
        ),
    )


def part(rng: np.random.Generator, dataset: str, scores: int, figures: int, folder: Path) -> Section:
    """A data set: its table and its figures."""
    columns = (
        Column("model", "Model", choices=True),
        Column("score", "Score"),
        Column("family", "Reads", choices=True),
        *(Column(name, name, better, f"What {name} is, in a sentence.", numeric=True) for name, better in METRICS),
        Column("images", "Images", numeric=True),
        Column("pixels", "Pixels", numeric=True),
    )
    rows = [
        (
            model,
            Code(f"score_{number}"),
            ("density", "posterior", "logits", "features")[number % 4],
            *(percent(rng) for _ in METRICS),
            Number(float(rng.integers(60, 1000)), Form.COUNT),
            Number(float(rng.integers(10**6, 10**9)), Form.COUNT),
        )
        for model in MODELS
        for number in range(scores)
    ]
    drawn = tuple(draw(rng, f"{dataset}_{number}", folder) for number in range(figures))
    table = Table(dataset, f"{dataset}: pixels pooled", columns, tuple(rows))
    return Section(dataset, f"Data set {dataset}", (table, *drawn, Fold("Notes", (Paragraph("Nothing to note."),))))


def percent(rng: np.random.Generator) -> Number:
    value, half = float(rng.random()), float(rng.random()) / 20
    mark = (Mark.BEST, Mark.NEAR, *[Mark.NONE] * 8)[rng.integers(10)]
    return Number(value, low=value - half, high=value + half, spread=half / 3, seeds=5, mark=mark)


def draw(rng: np.random.Generator, key: str, folder: Path) -> Figure:
    """Curves and histograms, as dense as those of a real report."""
    drawing = Drawing(figsize=(9.2, 4.6), dpi=150, layout="constrained")
    left, right = drawing.subplots(1, 2)
    for line in range(6):
        left.plot(np.linspace(0, 1, 500), np.sort(rng.beta(2, 1 + line, 500)), label=f"score_{line} of a model")
    for shift in (0, 2):
        right.hist(rng.normal(shift, 1, 20_000), bins=80, alpha=0.4, histtype="stepfilled")
    left.legend(loc="lower right")
    FigureCanvasAgg(drawing)
    drawing.savefig(folder / f"{key}.png")
    return Figure(key, (f"{key}.png",), f"Curves of {key}", "Left: curves; right: histograms.")


def opened(page: Page, file: Path) -> tuple[float, float]:
    """Seconds to the load event and to the first contentful paint."""
    page.goto(file.as_uri(), wait_until="load")
    page.wait_for_function("() => performance.getEntriesByName('first-contentful-paint').length")
    load, paint = page.evaluate(OPENED)
    return load / 1000, paint / 1000


def measure(file: Path, repeat: int, browser_path: str) -> tuple[list[tuple[float, float]], dict[str, float]]:
    """Of each round the seconds to load and to paint; of the last one the seconds that the readers' wishes take."""
    rounds = []
    wishes: dict[str, float] = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=FLAGS)
        for _ in range(repeat):
            context = browser.new_context(viewport={"width": 1280, "height": 900})
            page = context.new_page()
            rounds.append(opened(page, file))
            wishes = {name: page.evaluate(WISH, selector) / 1000 for name, selector in WISHES.items()}
            context.close()
        browser.close()
    return rounds, wishes


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--datasets", type=int, default=30)
    parser.add_argument("--scores", type=int, default=40)
    parser.add_argument("--figures", type=int, default=4, help="of each data set")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--keep", type=Path, help="write the page here")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args(arguments)
    if options.quick:
        options.datasets, options.scores, options.figures, options.repeat = 2, 4, 1, 1
    browser_path = which("chromium") or which("chromium-browser") or which("google-chrome")
    if browser_path is None:
        parser.error("no chromium found: apt-get install chromium")

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        report = made_up(options.datasets, options.scores, options.figures, folder)
        start = time.perf_counter()
        text = to_html(report, folder)
        rendering = time.perf_counter() - start
        file = options.keep or folder / "page.html"
        file.write_text(text, encoding="utf-8")
        rounds, wishes = measure(file.resolve(), options.repeat, browser_path)

    size = len(text.encode()) / 1e6
    load, paint = (sorted(times) for times in zip(*rounds, strict=True))
    tables = [block for block in walk(report.sections) if isinstance(block, Table)]
    grid = Grid(title=f"{len(tables)} tables of {len(tables[0].rows)} rows, {len(tables) * options.figures} figures")
    for head in ("what", "least", "median", "most", "limit"):
        grid.add_column(head, justify="left" if head == "what" else "right")
    grid.add_row("weight, MB", "", f"{size:.2f}", "", f"{MOST_MB:g}")
    grid.add_row("to_html, s", "", f"{rendering:.2f}", "", "")
    for label, times in (("load event, s", load), ("first contentful paint, s", paint)):
        least, middle, most = times[0], times[len(times) // 2], times[-1]
        grid.add_row(label, f"{least:.2f}", f"{middle:.2f}", f"{most:.2f}", f"{MOST_SECONDS:g}")
    for label, seconds in wishes.items():
        grid.add_row(f"{label}, s", "", f"{seconds:.2f}", "", "")
    Console().print(grid)
    return int(size > MOST_MB or max(load[0], paint[0]) > MOST_SECONDS)


if __name__ == "__main__":
    raise SystemExit(main())
