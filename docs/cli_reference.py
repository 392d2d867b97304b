"""Writes docs/cli.md from the command line itself: ``python docs/cli_reference.py``, or ``make docs``.

``tests/docs/test_cli_page.py`` fails where the page and the command line differ.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parent / "cli.md"

HEAD = """\
<!-- written by docs/cli_reference.py: change the help texts in gmmbench/cli*.py and run make docs -->

# Command line

Look up a verb, its arguments and its options. `gmmbench VERB --help` says the same.

Every verb also takes `--debug`: an error then comes with its traceback. `gmmbench --version` says the version,
`gmmbench --install-completion` teaches your shell the verbs, options and names.
"""

TAIL = """\
## What can go wrong

- **"No such option"**: options of one verb are not options of another; the tables above are complete.
- **An option with several values takes exactly so many**: `--folder NAME IMAGES MASKS MAP` takes four words. Quote what
  has spaces, `=` or `*`.
- **An option that may be repeated is written again for each value**: `--set A=1 --set B=2`.
- **A wrong exit code in a script**: [exit codes](troubleshooting.md#exit-codes) are listed with what they mean.
"""


def reference() -> str:
    """The whole page, Markdown."""
    import typer

    from gmmbench.cli import app

    command: Any = typer.main.get_command(app)
    verbs = list(_verbs(command, "gmmbench"))
    links = [f"[`{name.removeprefix('gmmbench ')}`](#{name.replace(' ', '-')})" for name, _ in verbs]
    parts = [HEAD, _running(command.help or ""), " · ".join(links), *_epilog(command)]
    for name, verb in verbs:
        parts += [f"## {name}", *_verb(name, verb)]
    return "\n\n".join(part.strip() for part in [*parts, TAIL]) + "\n"


def _verbs(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    """("gmmbench data ls", its command), in the order of the help; groups are gone into."""
    for word, inner in command.commands.items():
        if inner.hidden:
            continue
        if hasattr(inner, "commands"):
            yield from _verbs(inner, f"{name} {word}")
        else:
            yield f"{name} {word}", inner


def _verb(name: str, verb: Any) -> Iterator[str]:
    """Help, usage, options and examples of one verb."""
    yield from (_running(paragraph) for paragraph in (verb.help or "").split("\n\n"))
    arguments = [entry for entry in verb.params if entry.param_type_name == "argument"]
    options = [entry for entry in verb.params if entry.param_type_name == "option" and not entry.hidden]
    usage = [name, *(_argument(entry) for entry in arguments), *(["[OPTIONS]"] if options else [])]
    yield f"Usage: `{' '.join(usage)}`"
    rows = [(f"`{_argument(entry)}`", "", _cell(entry.help)) for entry in arguments]
    rows += [(_names(entry), _default(entry), _cell(entry.help)) for entry in options]
    if rows:
        lines = [f"| {' | '.join(row)} |" for row in [("", "default", "what"), ("---",) * 3, *rows]]
        yield "\n".join(lines)
    yield from _epilog(verb)


def _epilog(command: Any) -> Iterator[str]:
    """Examples as a block of shell, other paragraphs as they are."""
    paragraphs = [part.strip() for part in (command.epilog or "").split("\n\n") if part.strip()]
    examples = [part.removeprefix("$ ") for part in paragraphs if part.startswith("$ ")]
    for part in paragraphs:
        if not part.startswith("$ ") and part != "[bold]Examples[/bold]":
            title = re.fullmatch(r"\[bold\](.+)\[/bold\]", part)
            yield f"**{title[1]}**" if title else _running(part)
    if examples:
        yield "<!-- not run: examples of the help, read by the command line; the other pages run theirs -->"
        yield "\n".join(["```bash", *examples, "```"])


def _argument(entry: Any) -> str:
    name: str = entry.metavar or entry.name.upper()
    return name if entry.required else f"[{name}]"


def _names(option: Any) -> str:
    names = ", ".join(f"`{name}`" for name in [*option.opts, *option.secondary_opts])
    value = "" if option.is_flag else option.metavar or _VALUES.get(_kind(option), "TEXT")
    return f"{names} `{value}`" if value else names


_VALUES = {"Path": "PATH", "int": "N", "float": "X", "str": "TEXT"}


def _kind(option: Any) -> str:
    found = re.findall(r"Path|int|float|str", str(option.type_descriptor.annotation))
    return str(found[0]) if found else ""


def _default(option: Any) -> str:
    default = option.default
    if option.required:
        return "required"
    if default is None or default is False or callable(default) or default in ((), []):
        return ""
    if default is True:
        return f"`{option.opts[0]}`"
    words = " ".join(str(part) for part in default) if isinstance(default, (tuple, list)) else str(default)
    return f"`{words}`" + (f", or the variable `{option.envvar}`" if option.envvar else "")


def _running(text: str) -> str:
    """A help text in one line of Markdown, without rich's markup."""
    return re.sub(r"([*_<|\[])", r"\\\1", " ".join(re.sub(r"\[/?(bold|dim|italic)\]", "", text).split()))


def _cell(text: str | None) -> str:
    return _running(text or "")


if __name__ == "__main__":
    PAGE.write_text(reference(), encoding="utf-8")
