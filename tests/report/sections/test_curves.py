"""The curves of an OOD set as blocks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gmmbench.report.blocks import Block, Figure, Paragraph, plain
from gmmbench.report.figures import own_style
from gmmbench.report.material import material_of
from gmmbench.report.runs import load_runs
from gmmbench.report.sections.curves import curve_blocks
from gmmbench.results.mixture import mixture_staging

EvaluatedRun = Callable[..., Path]


def blocks_of(tmp_path: Path, runs: list[Path]) -> list[Block]:
    figures = tmp_path / "figures"
    figures.mkdir(exist_ok=True)
    with own_style():
        return curve_blocks(material_of(load_runs(runs), figures, public=False), "street_ood")


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of figures are not made: that is the slow part."""
    monkeypatch.setattr("gmmbench.report.figures.save", lambda figure, stem, vector: [f"{stem.name}.png"])


def words_of(blocks: list[Block]) -> str:
    return "\n".join(
        plain(block.words) if isinstance(block, Paragraph) else plain(block.caption)
        for block in blocks
        if isinstance(block, (Paragraph, Figure))
    )


def test_figures_of_a_pair(tmp_path: Path, evaluated_run: EvaluatedRun) -> None:
    gmm = evaluated_run("g", "gmm", {"gmm_lse": 2.0, "energy": 1.0}, families={"gmm_lse": "density"})
    twin = evaluated_run("s", "softmax", {"energy": 1.5})
    levels = np.array([0.05, 0.5])
    with mixture_staging(gmm) as staging:
        staging.commit({"density_levels": levels, "density_quantiles": np.array([-4.0, 0.0])}, {}, {})
    blocks = blocks_of(tmp_path, [gmm, twin])
    figures = [block for block in blocks if isinstance(block, Figure)]
    assert [figure.key for figure in figures] == [
        "curves_street_ood", "histograms_street_ood", "strips_street_ood", "calibration_street_ood",
    ]  # fmt: skip
    named = {name for figure in figures for name in figure.files}
    assert named == {file.name for file in (tmp_path / "figures").iterdir()}
    assert {Path(name).suffix for name in named} == {".png", ".svg", ".pdf"}
    assert "gmm_lse of gmm AP" in figures[0].alt
    words = words_of(blocks)
    assert "All rows of the table are drawn." in words
    assert "At the 5 % quantile of its training pixels gmm flags" in words
    assert "not drawn" not in words
    before = {file.name: file.read_bytes() for file in (tmp_path / "figures").iterdir()}
    blocks_of(tmp_path, [gmm, twin])
    assert before == {file.name: file.read_bytes() for file in (tmp_path / "figures").iterdir()}


@pytest.mark.usefixtures("undrawn")
def test_what_is_not_there_is_said(tmp_path: Path, write_run: EvaluatedRun, evaluated_run: EvaluatedRun) -> None:
    old = write_run("old", "old", {"energy": 1.0, "max_softmax": 1.0}, pictures=False, closed=None)
    words = words_of(blocks_of(tmp_path, [old]))
    assert "keep no counts of single images" in words
    assert "inspect" not in words, "a softmax model has no density to calibrate"
    gmm = evaluated_run("g", "gmm", {"gmm_lse": 2.0}, families={"gmm_lse": "density"})
    assert "Calibration of the density is not drawn of gmm: run gmmbench inspect" in words_of(
        blocks_of(tmp_path, [gmm])
    )


@pytest.mark.usefixtures("undrawn")
def test_seeds_share_a_line_and_that_is_said(tmp_path: Path, evaluated_run: EvaluatedRun) -> None:
    record = {"config_sha256": "c", "training": {"iterations": 5, "overrides": []}}
    runs = [
        evaluated_run(f"s{seed}", "model", {"energy": 1.0}, seed=seed, checkpoint_sha256=str(seed), **record)
        for seed in range(2)
    ]
    words = words_of(blocks_of(tmp_path, runs))
    assert "each seed is a thin line" in words
    assert "Of several seeds the first one's." in words


@pytest.mark.usefixtures("undrawn")
def test_only_some_of_many_rows_are_drawn(tmp_path: Path, evaluated_run: EvaluatedRun) -> None:
    run = evaluated_run("r", "model", {f"score{number}": number / 4 for number in range(5)})
    assert "3 of 5 rows are drawn" in words_of(blocks_of(tmp_path, [run]))
