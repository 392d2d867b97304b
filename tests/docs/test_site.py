"""The site builds under mkdocs --strict, without a network, and its pages ask nobody for anything."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    for package in ("mkdocs", "material"):
        pytest.importorskip(package, reason="the site needs the extra 'docs'")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    nobody = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9", "NO_MKDOCS_2_WARNING": "1"}
    built = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **nobody}, capture_output=True, text=True, timeout=300, check=False
    )
    assert built.returncode == 0, built.stdout + built.stderr
    return folder


def test_every_page_is_in_the_site(site: Path) -> None:
    wanted = {page.stem for page in (ROOT / "docs").glob("*.md")}
    assert wanted <= {page.stem for page in site.glob("*.html")}
    assert not list(site.rglob("*.py"))


def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        loads = re.findall(r"<(?:script|img|iframe)\b[^>]*?\bsrc=\"?([^\"\s>]+)", text)
        loads += re.findall(r"<link\b(?=[^>]*rel=\"?(?:stylesheet|icon|preconnect))[^>]*?\bhref=\"?([^\"\s>]+)", text)
        assert loads
        assert not [address for address in loads if address.startswith(("http:", "https:", "//"))], page.name


def test_links_out_of_the_pages_are_plain_words(site: Path) -> None:
    text = (site / "index.html").read_text(encoding="utf-8")
    assert "The README says" in re.sub(r"\s+", " ", text)
    assert "../README" not in text
