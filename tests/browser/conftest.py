"""A page with all that a report can hold, hostile names among it, and a chromium to open it in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import which
from typing import Any, NamedTuple

import pytest
from PIL import Image

from gmmbench.report.blocks import (
    Bullets,
    Code,
    CodeBlock,
    Column,
    Figure,
    Fold,
    Form,
    Layer,
    Link,
    Mark,
    Number,
    Paragraph,
    Report,
    Section,
    Shot,
    Strong,
    Table,
    Viewer,
)
from gmmbench.report.render.html import to_html

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
SCRIPT, ATTRIBUTE = "<script>alert(1)</script>", '"onmouseover="alert(2)'
LONG = "a_very_long_name_" * 12
COLOURS = {"image": (200, 40, 40), "ground truth": (40, 40, 200), "energy of model": (30, 160, 60)}

Visit = Callable[..., Any]


class Seen(NamedTuple):
    """What happened on a page that no reader may meet."""

    errors: list[str]
    requests: list[str]
    dialogs: list[str]


@pytest.fixture(scope="session")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    report = Report(
        f"Report of {SCRIPT}",
        ("2 models (", Code(LONG), ", ", Code(ATTRIBUTE), "): nothing but names."),
        (verdicts(), numbers(), pictures(folder), provenance()),
    )
    file = folder / "report.html"
    file.write_text(to_html(report, folder), encoding="utf-8")
    return file


def verdicts() -> Section:
    words = (Strong("The density wins"), " on ", Code("$x_1$ | y"), ", see ", Link("the numbers", "#numbers"), ".")
    never = Link("this leads nowhere", "javascript:alert(3)")
    return Section(
        "verdicts",
        "Verdict",
        (Bullets((words, never)), Paragraph("Read https://example.org/a_(b)?c=1&d=2 first.", warning=True)),
    )


def numbers() -> Section:
    """Twelve rows: a hostile name, a long one, two values that round alike, ties, an undefined and an empty one."""
    columns = (
        Column("model", "Model", help=f"Its name, {ATTRIBUTE}"),
        Column("reads", "Reads", choices=True),
        Column("ap", "AP", "higher", "Precision, summed.", numeric=True),
        Column("fpr", "FPR95", "lower", numeric=True),
        Column("images", "Images", numeric=True),
    )
    values = [0.5, 0.94432, 0.94431, float("nan"), 0.1, 0.25, 0.25, 0.25, 0.7, 0.0, 0.9, 0.3]
    names = [SCRIPT, ATTRIBUTE, LONG, "model 10", "model 9", *(f"tie {place}" for place in "abc"), "$x_1$", "|", "&lt;"]
    rows = [
        (
            name,
            ("density", SCRIPT, "logits")[place % 3],
            Number(value, low=value - 0.01, high=value + 0.02, spread=0.004, seeds=3, mark=marks(place)),
            Number(1 - value),
            Number(1000.0 * place, Form.COUNT),
        )
        for place, (name, value) in enumerate(zip([*names, "https://example.org/x"], values, strict=True))
    ]
    rows[4] = (*rows[4][:4], None)
    main = Table("main", f"Scores of {SCRIPT}", columns, tuple(rows), notes=("Pixels pooled, https://example.org.",))
    small = Table("small", "Classes", (Column("c", "Class"), Column("i", "IoU", "higher")), (("road", Number(0.9)),))
    return Section("numbers", "Numbers", (main, Section("classes", "Classes", (small,))))


def marks(place: int) -> Mark:
    return {1: Mark.BEST, 2: Mark.NEAR}.get(place, Mark.NONE)


def pictures(folder: Path) -> Section:
    Image.new("RGB", (1200, 500), "white").save(folder / "curves.png", dpi=(150, 150))
    shots = []
    for place, name in enumerate(("first", ATTRIBUTE, LONG)):
        layers = []
        for title, colour in COLOURS.items():
            file = f"{place}_{title.replace(' ', '_')}.png"
            Image.new("RGB", (320, 180), tuple(max(level - 20 * place, 0) for level in colour)).save(folder / file)
            layers.append(Layer(title, file))
        shots.append(Shot(name, tuple(layers), note=SCRIPT if place == 1 else ""))
    return Section(
        "pictures",
        "Pictures",
        (
            Figure("curves", ("curves.png", "curves.svg"), f"Curves {ATTRIBUTE}", ("How to read ", Code(SCRIPT), ".")),
            Viewer("look", "Images", tuple(shots), "Drag the edge."),
        ),
    )


def provenance() -> Section:
    commands = CodeBlock("gmmbench eval-ood configs/x.py model.pth </pre>\ngmmbench report runs/x")
    return Section(
        "provenance", "Provenance", (commands, Fold("Versions", (Paragraph("torch 2.13"),)), Fold(SCRIPT, ()))
    )


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """One browser for a file of tests; its event loop ends with it."""
    playwright = pytest.importorskip("playwright.sync_api", reason="no playwright: pip install gmmbench[browser]")
    path = which("chromium") or which("chromium-browser") or which("google-chrome")
    if path is None:
        pytest.skip("no chromium: apt-get install chromium")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium: Any, page_file: Path) -> Iterator[Visit]:
    """Opens the page, as in ``visit(width=390, color_scheme="dark")``; at the end nothing may have gone wrong on it."""
    contexts, seen = [], Seen([], [], [])

    def see(dialog: Any) -> None:
        seen.dialogs.append(dialog.message)
        dialog.dismiss()

    def open_page(width: int = 1280, height: int = 900, **options: Any) -> Any:
        context = chromium.new_context(viewport={"width": width, "height": height}, **options)
        context.set_default_timeout(5000)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: seen.errors.append(message.text))
        page.on("pageerror", lambda error: seen.errors.append(str(error)))
        page.on("request", lambda request: seen.requests.append(request.url))
        page.on("dialog", see)
        page.goto(page_file.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert seen.errors == []
    assert {url for url in seen.requests if not url.startswith("data:")} <= {page_file.as_uri()}
    assert seen.dialogs == []
