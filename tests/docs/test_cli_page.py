"""docs/cli.md is what the command line says of itself."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
import typer

from gmmbench.cli import app

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def script() -> Any:
    spec = importlib.util.spec_from_file_location("cli_reference", DOCS / "cli_reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_up_to_date(script: Any) -> None:
    there, wanted = script.PAGE.read_text(encoding="utf-8"), script.reference()
    assert there == wanted, "the command line has changed: make docs writes docs/cli.md anew"


def test_every_verb_and_every_option_is_there(script: Any) -> None:
    page = script.reference()
    seen = 0
    for name, verb in script._verbs(typer.main.get_command(app), "gmmbench"):
        section = page.split(f"\n## {name}\n")[1].split("\n## ")[0]
        for entry in verb.params:
            if entry.param_type_name == "option" and not entry.hidden:
                assert f"`{entry.opts[0]}`" in section, f"{name} {entry.opts[0]}"
                seen += 1
    assert seen > 80
