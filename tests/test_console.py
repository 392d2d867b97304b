"""What is printed where: one JSON document for scripts, bars and spinners on a terminal alone."""

from __future__ import annotations

import io
import json
import math
import sys
from pathlib import Path

import pytest
from rich.console import Console

from gmmbench import console


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What a terminal on standard error is sent."""
    shown = io.StringIO()
    monkeypatch.setattr(console, "err", Console(file=shown, force_terminal=True, width=200))
    return shown


def test_a_document_is_strict_json(capsys: pytest.CaptureFixture[str]) -> None:
    values = {"nan": math.nan, "inf": -math.inf, "path": Path("a/b"), "pair": (1, 2.5), 3: None, "é\udce9": True}
    console.emit({"nested": [values]})
    text = capsys.readouterr().out
    assert text.isascii()

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    assert json.loads(text, parse_constant=refuse) == {
        "nested": [{"nan": None, "inf": "-inf", "path": "a/b", "pair": [1, 2.5], "3": None, "é\udce9": True}]
    }


def test_what_is_no_value_is_refused() -> None:
    with pytest.raises(TypeError):
        console.emit({"set": {1}})


def test_beside_a_document_nothing_reaches_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    before = sys.stdout
    with console.only_json():
        print("a library speaks")
        console.out.print("and so do we")
        console.emit([1])
    printed = capsys.readouterr()
    assert json.loads(printed.out) == [1]
    assert printed.err == "a library speaks\nand so do we\n"
    assert sys.stdout is before


def test_a_line_is_printed_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    console.say("[bold]caf\udce9[/x] " + 200 * "y")
    assert capsys.readouterr().out == "[bold]caf\\udce9[/x] " + 200 * "y" + "\n"


def test_without_a_terminal_nothing_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with console.waiting("loading"), console.progress_bar("images") as progress:
        assert progress is None
    assert capsys.readouterr() == ("", "")


def test_a_bar_has_count_eta_and_speed(terminal: io.StringIO) -> None:
    with console.progress_bar("evaluating", unit="img") as progress:
        assert progress is not None
        for done in range(1, 4):
            progress(done, 4, "street")
    last = terminal.getvalue()
    assert "evaluating street" in last
    assert "3/4" in last
    assert "img/s" in last
    assert ":" in last.split("3/4")[-1].split("img/s")[0], "time that is left"


def test_a_bar_takes_the_place_of_a_spinner(terminal: io.StringIO) -> None:
    """rich before 14.1 refuses a second live display while the first one is on."""
    with console.waiting("loading [/x] the model"):
        with console.progress_bar("images") as progress:
            assert progress is not None
            progress(1, 2)
        with console.waiting("fitting"):
            pass
    assert "loading [/x] the model" in terminal.getvalue()
    assert "1/2" in terminal.getvalue()
    assert console._waiting == []


def test_a_spinner_goes_away_on_an_error(terminal: io.StringIO) -> None:
    with pytest.raises(ValueError, match="ours"), console.waiting("loading"):
        raise ValueError("ours")
    assert console._waiting == []
    assert terminal.getvalue().endswith("\x1b[?25h") or "\x1b[?25h" in terminal.getvalue(), "the cursor is back"
