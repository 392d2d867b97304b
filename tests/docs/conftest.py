"""The pages as the tests read them: their code blocks with what is said above each, and the commands in these."""

from __future__ import annotations

import re
import shlex
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>[\w-]*).*$")
_EXITS = re.compile(r"^<!-- exits with (?P<code>\d+) and says -->$")
_NOT_RUN = re.compile(r"^<!-- not run: (?P<reason>.*\S) -->$")
_FILE = re.compile(r"^# (?P<path>[\w./-]+\.(?:py|yaml))$")


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        where: "docs/page.md:12", the line of its fence.
        language: what stands behind the fence.
        code: without the fence's indent.
        not_run: the reason in a ``<!-- not run: REASON -->`` above it, if there is one.
        exits: N of a ``<!-- exits with N and says -->`` above it, else 0.
        file: the path in a first line ``# PATH``, if there is one: the block is that file.
    """

    where: str
    language: str
    code: str
    not_run: str | None
    exits: int
    file: str | None


def blocks_of(page: Path) -> list[Block]:
    """All fenced blocks of a page, in order."""
    lines, found, number = page.read_text(encoding="utf-8").splitlines(), [], 0
    while number < len(lines):
        opening = _FENCE.match(lines[number])
        if opening:
            end = next(n for n in range(number + 1, len(lines)) if lines[n] == f"{opening['indent']}```")
            code = textwrap.dedent("\n".join(lines[number + 1 : end]))
            above = next((line.strip() for line in reversed(lines[:number]) if line.strip()), "")
            said, exits, file = _NOT_RUN.match(above), _EXITS.match(above), _FILE.match(code.split("\n", 1)[0])
            found.append(
                Block(
                    f"{page.relative_to(ROOT)}:{number + 1}",
                    opening["language"],
                    code,
                    said["reason"] if said else None,
                    int(exits["code"]) if exits else 0,
                    file["path"] if file else None,
                )
            )
            number = end
        number += 1
    return found


def prose_of(page: Path) -> str:
    """The page without its fenced blocks and comments."""
    text = re.sub(r"^ *```.*?^ *```$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)


def commands_of(code: str) -> Iterator[list[str]]:
    """The commands of a block of shell, as words: lines joined at a backslash, one loop over words unrolled."""
    lines = iter(re.sub(r"\\\n\s*", " ", code).splitlines())
    for line in lines:
        loop = re.fullmatch(r"for (\w+) in (.+); do", line.strip())
        if loop is None:
            yield from _split(line)
            continue
        body = list(iter(lambda: next(lines), "done"))
        for word in loop[2].split():
            for inner in body:
                yield from _split(inner.replace(f"${loop[1]}", word))


def _split(line: str) -> Iterator[list[str]]:
    words = shlex.shlex(line, posix=True, punctuation_chars=";|&")
    words.whitespace_split = True
    command: list[str] = []
    for word in [*words, ";"]:
        if word not in (";", "|", "&&"):
            command.append(word)
        elif command:
            yield command
            command = []


def ours(command: Sequence[str]) -> list[str] | None:
    """The arguments of ``gmmbench``, whether it stands by itself or is started by torchrun, srun and the like."""
    if "gmmbench" not in command:
        return None
    place = command.index("gmmbench")
    started = place == 0 or command[place - 1] == "-m" or command[0] == "srun"
    return list(command[place + 1 :]) if started else None


def parse(arguments: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """(verb, its parameters) as the real command line reads them; what it refuses raises typer's exception."""
    import typer

    from gmmbench.cli import app

    command: Any = typer.main.get_command(app)
    name, context = [], command.make_context("gmmbench", list(arguments))
    while hasattr(command, "commands"):
        verb, command, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        name.append(verb)
        if rest == ["--help"]:
            return " ".join(name), {}
        context = command.make_context(verb, rest, parent=context)
    return " ".join(name), context.params


@pytest.fixture(params=PAGES, ids=lambda page: page.stem)
def page(request: pytest.FixtureRequest) -> Path:
    """Each page in turn."""
    found: Path = request.param
    return found


@pytest.fixture
def blocks(page: Path) -> list[Block]:
    return blocks_of(page)


@pytest.fixture
def prose(page: Path) -> str:
    return prose_of(page)


@pytest.fixture(scope="session")
def pages() -> list[Path]:
    return PAGES


@pytest.fixture(scope="session")
def read_blocks() -> Callable[[Path], list[Block]]:
    return blocks_of


@pytest.fixture(scope="session")
def read_commands() -> Callable[[str], Iterator[list[str]]]:
    return commands_of


@pytest.fixture(scope="session")
def of_gmmbench() -> Callable[[Sequence[str]], list[str] | None]:
    return ours


@pytest.fixture(scope="session")
def read_arguments() -> Callable[[Sequence[str]], tuple[str, dict[str, Any]]]:
    return parse
