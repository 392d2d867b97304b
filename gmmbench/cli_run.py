"""One command line from its words to its exit code: an error is one line with its remedy, ``--debug`` shows the rest.

Exit codes: 0 done; 1 a fault of ours; 2 bad input, a data set with faults, or an installation that cannot work;
130 interrupted.
"""

from __future__ import annotations

import difflib
import errno
import os
import re
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from typing import Annotated, Any

import typer

from gmmbench import __version__
from gmmbench.console import err, only_json, out, say
from gmmbench.errors import InputError, unknown_name

PROGRAM = "gmmbench"
FAULT_OF_OURS = 1
BAD_INPUT = 2
INTERRUPTED = 130
EXIT_CODES = (
    "[bold]Exit codes[/bold]\n\n0 done; 1 a fault of gmmbench (--debug shows its traceback); 2 bad input, faulty data"
    " or a broken installation (one line says what to do); 130 interrupted by Ctrl-C."
)


class StoppedError(Exception):
    """Ctrl-C with something to say; of a KeyboardInterrupt typer keeps the exit code alone."""


def run_app(app: typer.Typer, arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code.

    Args:
        arguments: the words after ``gmmbench``; those of this process if not given.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    # Huge pages for torch's buffers: forwards took a fifth less time on CPUs. It is read when torch first allocates.
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
    with only_json() if _asked(words, "--json") else nullcontext():
        try:
            code = _command(app).main(args=words, prog_name=PROGRAM, standalone_mode=False)
        except Exception as error:
            if _asked(words, "--debug") or os.environ.get("GMMBENCH_DEBUG", "0") not in ("", "0"):
                say("".join(traceback.format_exception(error)).rstrip(), to=err)
            return _told(error)
        if code == INTERRUPTED:  # what typer makes of a KeyboardInterrupt
            say("interrupted", to=err)
        return code if isinstance(code, int) else 0  # a verb may end with typer.Exit(code)


def _asked(words: Sequence[str], flag: str) -> bool:
    """Whether a flag is among the words: known before they are parsed, and where they cannot be."""
    return flag in (words[: words.index("--")] if "--" in words else words)


def _told(error: Exception) -> int:
    """Say in one line what is wrong; the exit code."""
    if isinstance(error, StoppedError):
        say(f"interrupted: {error}", to=err)
        return INTERRUPTED
    if isinstance(error, typer.Abort) and error.__cause__ is not None:  # what typer makes of an EOFError
        error = error.__cause__  # type: ignore[assignment]
    remedy = _remedy(error)
    if remedy is None:
        what = f"{type(error).__name__}: {error}".strip(": ")
        _complain(f"{what}; nobody foresaw this, a fault of {PROGRAM}: run with --debug for the traceback")
        return FAULT_OF_OURS
    if remedy:  # bare 'gmmbench' has shown its help
        _complain(remedy)
    return BAD_INPUT


def _remedy(error: Exception) -> str | None:
    """What a person can do about an error; ``None`` where nothing, as the fault is ours."""
    if isinstance(error, InputError):
        return str(error)
    if isinstance(error, typer.TyperException):
        return _usage(error)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"no space left for {error.filename or 'what was being written'}; free some and run again"
    if type(error).__name__ in ("OutOfMemoryError", "MemoryError"):  # torch's, by name: torch need not be loaded
        return f"out of memory ({str(error).split('. ')[0] or 'of this machine'}); smaller batches or images need less"
    return None


def _usage(error: Any) -> str:
    """What typer says of words that it cannot parse, with the nearest name and the page that helps."""
    message: str = error.format_message() if hasattr(error, "format_message") else str(error)
    context = getattr(error, "ctx", None)
    if context is None or not message:
        return message
    verb = re.match(r"No such command '(.+?)'", message)
    if verb is not None:
        return _unknown_verb(verb[1], context)
    option = getattr(error, "option_name", None)
    if message.startswith("No such option") and option is not None:
        known = [name for param in context.command.params for name in (*param.opts, *param.secondary_opts)]
        near = difflib.get_close_matches(option, [name for name in known if name.startswith("--")], n=1)
        message = f"No such option: {option}{f'; did you mean {near[0]!r}?' if near else ''}"
    if "unexpected extra argument" in message:
        message += ", several names are joined by commas"
    return f"{message.rstrip('.')}{'' if message.endswith('?') else ';'} '{context.command_path} --help' tells more"


def _unknown_verb(name: str, context: Any) -> str:
    known = dict(_verbs(context.command))
    inside = [verb for verb in known if name in verb.split()]  # 'ls' is 'data ls' or 'scores ls'
    if inside:
        return f"unknown verb '{name}'; did you mean '{PROGRAM} {f'{chr(39)} or {chr(39)}{PROGRAM} '.join(inside)}'?"
    kind = "verb" if context.parent is None else f"verb of '{context.command_path}'"
    return str(unknown_name(kind, name, known))


def _verbs(command: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """Names and commands, those inside groups as in 'data ls'."""
    for name, each in getattr(command, "commands", {}).items():
        yield from _verbs(each, f"{before}{name} ") if hasattr(each, "commands") else [(f"{before}{name}", each)]


def _command(app: typer.Typer) -> Any:
    """The whole command line, where every verb takes --debug too."""
    command = typer.main.get_command(app)
    debug, version = _common_options()
    for _, verb in _verbs(command):
        verb.params.append(debug)
    command.params += [debug, version]
    return command


def _tell_version(wanted: bool) -> None:
    if wanted:
        out.print(__version__, highlight=False)
        raise typer.Exit


def _common_options() -> list[Any]:
    """The options that no verb names, as typer makes them; ``run_app`` itself looks for --debug."""
    made = typer.Typer(add_completion=False)

    @made.command()
    def _options(
        debug: Annotated[
            bool, typer.Option("--debug", expose_value=False, help="Show the traceback of an error; GMMBENCH_DEBUG=1.")
        ] = False,
        version: Annotated[
            bool, typer.Option("--version", expose_value=False, is_eager=True, callback=_tell_version, help="Show it.")
        ] = False,
    ) -> None: ...

    return [option for option in typer.main.get_command(made).params if option.name in ("debug", "version")]


def _complain(message: str) -> None:
    err.print("[bold red]error:[/bold red]", end=" ")
    say(" ".join(message.split()), to=err)
