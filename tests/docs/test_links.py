"""What pages point at is there: other pages, headings, files, verbs and options."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import typer

from gmmbench.cli import app

ROOT = Path(__file__).parents[2]
LINK = re.compile(r"(?<!\!)\[(?:[^\[\]]|`[^`]*`)+\]\(([^)\s]+)\)")
OURS = ("gmmbench", "configs", "datasets", "tests", "benchmarks", "docs")
EVERYWHERE = {"--debug", "--version", "--install-completion", "--help"}
"""Options that the command line adds to those of the verbs."""
NO_TASK = {"README", "published"}


def headings(page: Path) -> set[str]:
    """Anchors of a page's headings, as mkdocs and GitHub make them."""
    text = re.sub(r"^ *```.*?^ *```$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    plain = [re.sub(r"[^\w\s-]", "", re.sub(r"\]\([^)]*\)|[`\[]", "", title)).strip().lower() for title in titles]
    return {re.sub(r"[-\s]+", "-", title) for title in plain}


def words_of(command: Any, name: str = "gmmbench") -> dict[str, set[str]]:
    """Every verb and group by its words, with its options."""
    found = {name: {word for entry in command.params for word in [*entry.opts, *entry.secondary_opts]} | {"--help"}}
    for word, inner in getattr(command, "commands", {}).items():
        found |= words_of(inner, f"{name} {word}")
    return found


VERBS = words_of(typer.main.get_command(app))
OPTIONS = {word for options in VERBS.values() for word in options if word.startswith("--")} | EVERYWHERE


def missing_links(page: Path, text: str) -> list[str]:
    wrong = []
    for target in LINK.findall(text):
        path, _, anchor = target.partition("#")
        if path.startswith(("http://", "https://", "mailto:")):
            continue
        file = (page.parent / path).resolve() if path else page
        if not file.exists():
            wrong.append(f"{target}: no such file")
        elif anchor and anchor not in headings(file):
            wrong.append(f"{target}: no such heading; there are: {', '.join(sorted(headings(file)))}")
    return wrong


def missing_names(text: str) -> list[str]:
    """Inline code that speaks of a verb, an option or a file that is not there."""
    wrong = []
    for code in re.findall(r"`([^`\n]+)`", text):
        if re.match(r"gmmbench [a-z]", code):
            words = code.split()
            known = [name for name in VERBS if words[: len(name.split())] == name.split()]
            if max(known, key=len, default="gmmbench") == "gmmbench":
                wrong.append(f"{code}: no such verb")
        if code.startswith(("gmmbench ", "--")):
            named = re.findall(r"(?<![\w-])--[a-z][\w-]*", code)
            wrong += [f"{code}: no option {word}" for word in named if word not in OPTIONS]
        if re.fullmatch(rf"({'|'.join(OURS)})/[\w./*-]+", code) and not re.search(
            r"[A-Z]{3}", code.replace("README", "")
        ):
            wrong += [] if list(ROOT.glob(code.rstrip("/"))) else [f"{code}: no such file"]
    return wrong


def test_links_lead_somewhere(page: Path, prose: str) -> None:
    assert not missing_links(page, prose)


def test_names_in_the_text_are_those_of_the_code(prose: str) -> None:
    assert not missing_names(prose)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("[a](nowhere.md)", "nowhere.md: no such file"),
        ("[a](index.md#nowhere)", "index.md#nowhere: no such heading"),
        ("[`a`](../gmmbench/nowhere.py)", "../gmmbench/nowhere.py: no such file"),
        ("`gmmbench evaluate`", "gmmbench evaluate: no such verb"),
        ("`gmmbench data lst`", None),
        ("`gmmbench data ls --rot`", "no option --rot"),
        ("`--dataset-root`", "no option --dataset-root"),
        ("`gmmbench/data/nowhere.py`", "no such file"),
        ("`datasets/NAME.yaml`, `configs/*/*.py`, `gmmbench data ls`, [a](index.md#the-shortest-path)", None),
    ],
)  # fmt: skip
def test_what_is_not_there_is_found(text: str, wrong: str | None) -> None:
    found = missing_links(ROOT / "docs" / "index.md", text) + missing_names(text)
    assert (wrong is None) == (found == [])
    assert wrong is None or wrong in found[0]


def test_a_page_begins_with_a_task_and_ends_with_what_can_go_wrong(page: Path) -> None:
    if page.stem in NO_TASK:
        return
    lines = [line for line in page.read_text(encoding="utf-8").splitlines() if line.strip()]
    title, sentence = [line for line in lines if not line.startswith("<!--")][:2]
    assert title.startswith("# ")
    assert re.match(r"[A-Z`].*", sentence)
    assert [line for line in lines if line.startswith("## ")][-1] == "## What can go wrong"
