"""Section 7 of a report, from made-up mixtures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from gmmbench.report import mixture_figures
from gmmbench.report.blocks import Figure, Fold, Number, Paragraph, Section, Table, plain, walk
from gmmbench.report.material import Material, material_of
from gmmbench.report.runs import load_runs
from gmmbench.report.sections.mixture import mixture_section
from gmmbench.results.mixture import mixture_staging

Write = Callable[..., Path]
Arrays = dict[str, NDArray[Any]]


def summary_of(names: list[str], components: int = 3, points: int = 30) -> Arrays:
    """Plausible numbers of the right shapes."""
    rng, count = np.random.default_rng(0), len(names)
    share = rng.dirichlet(np.full(components, 2.0), count)
    middles = rng.normal(0, 5, (count, 1, 2))
    means = middles + rng.normal(0, 1, (count, components, 2))
    labels = np.repeat(np.arange(count), points)
    apart = rng.uniform(0.5, 1, (count, components, components))
    apart = (apart + apart.transpose(0, 2, 1)) * (1 - np.eye(components))
    return {
        "classes": np.array(names),
        "started": np.ones((count, components), dtype=bool),
        "weight": np.full((count, components), 1 / components),
        "share": share,
        "dead": share < 1e-3,
        "spread": rng.uniform(0.1, 0.2, (count, components)),
        "log_volume": rng.uniform(-5, -4, (count, components)),
        "distance": rng.uniform(0.2, 0.4, (count, components)),
        "mean_distance": apart,
        "other_distance": rng.uniform(1, 2, (count, components)),
        "other_class": rng.integers(0, count, (count, components)),
        "effective": np.exp(-(share * np.log(share)).sum(axis=1)),
        "pixels": rng.integers(1000, 10**6, count),
        "own_mean": rng.uniform(60, 70, count),
        "margin_mean": rng.uniform(-5, 20, count),
        "beaten": rng.uniform(0, 0.3, count),
        "next_class": (np.arange(count) + 1) % count,
        "next_share": rng.uniform(0.3, 1, count),
        "class_levels": np.array([0.05, 0.25, 0.5, 0.75, 0.95]),
        "own_quantiles": np.sort(rng.uniform(50, 80, (count, 5))),
        "margin_quantiles": np.sort(rng.uniform(-20, 30, (count, 5))),
        "density_levels": np.array([0.01, 0.05, 0.5]),
        "density_quantiles": np.array([55.0, 60.0, 70.0]),
        "density_pixels": np.array(10**6),
        "test_levels_below": np.array([0.02, 0.08, 0.6]),
        "test_pixels": np.array(10**5),
        "plane_kind": np.array("pairs"),
        "plane_between": np.array([0.3, 0.2]),
        "plane_accuracy": np.array(0.6),
        "plane_points": (middles[labels, 0] + rng.normal(0, 1, (count * points, 2))).astype(np.float32),
        "plane_labels": labels,
        "plane_means": means,
        "plane_covariances": np.broadcast_to(np.eye(2), (count, components, 2, 2)),
    }  # fmt: skip


def patches_of(summary: Arrays, kept: int = 4) -> Arrays:
    shape = (*summary["share"].shape, kept)
    rng = np.random.default_rng(1)
    return {
        "patches": rng.integers(0, 256, (*shape, 64, 64, 3)).astype(np.uint8),
        "patch_log_prob": rng.uniform(50, 60, shape),
        "patch_images": np.full(shape, "street 1"),
        "patch_places": np.zeros((*shape, 2), dtype=np.int64),
    }


def about_of(**changes: Any) -> dict[str, Any]:
    return {
        "config": "configs/street/fastscnn_gmm.py",
        "checkpoint": "work/checkpoint.pth",
        "checkpoint_sha256": "badcab" * 11,
        "seed": 0,
        "code": "0.1.0",
        "closed_set": "street",
        "split": "train",
        "images": 30,
        "images_total": 240,
        "sample": {"pixels of a class": 2000, "seed": 0},
        "covariance": "LowRank",
        "class_density": "mixture, uniform weights",
        "dataset": {"name": "street", "frames_may_be_shown": True},
        "protocol": {"network input": "whole image"},
        "command": "gmmbench inspect CONFIG CHECKPOINT",
    } | changes


def store(run: Path, summary: Arrays, **changes: Any) -> None:
    with mixture_staging(run) as staged:
        staged.commit(summary, patches_of(summary), about_of(**changes))


@pytest.fixture
def material(tmp_path: Path) -> Callable[..., Material]:
    """Run folders to material whose figures go to figures/."""

    def make(*runs: Path, public: bool = False) -> Material:
        (tmp_path / "figures").mkdir(exist_ok=True)
        return material_of(load_runs(runs), tmp_path / "figures", public=public)

    return make


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures that are named, but cost nothing."""

    def draw(self: Material, name: str, drawing: object, *, vector: bool = True) -> tuple[str, ...]:
        return (f"{name}.png",)

    for kind in ("shares", "plane", "patches"):
        monkeypatch.setattr(mixture_figures, kind, lambda *given: None)
    monkeypatch.setattr(Material, "draw", draw)


def texts(section: Section) -> str:
    """All running words, in order."""
    found = []
    for block in walk([section]):
        if isinstance(block, Paragraph):
            found.append(plain(block.words))
        elif hasattr(block, "items"):
            found += [plain(item) for item in block.items]
    return "\n".join(found)


def table(section: Section, what: str) -> Table:
    [found] = [block for block in walk([section]) if isinstance(block, Table) and what in block.key]
    return found


def figures(section: Section) -> dict[str, Figure]:
    return {block.key: block for block in walk([section]) if isinstance(block, Figure)}


def test_nothing_where_nobody_inspected(write_run: Write, material: Callable[..., Material]) -> None:
    assert mixture_section(material(write_run("gmm", "gmm", {"gmm_lse": 2.0}))) is None


def test_tables_hold_the_stored_numbers(write_run: Write, material: Callable[..., Material], tmp_path: Path) -> None:
    run, summary = write_run("gmm", "gmm", {"gmm_lse": 2.0}), summary_of(["road", "sky", "car"])
    store(run, summary)
    section = mixture_section(material(run))
    assert section is not None
    classes, components = table(section, "classes"), table(section, "components")
    assert [row[0] for row in classes.rows] == ["road", "sky", "car"]
    own = [column.key for column in classes.columns].index("own")
    numbers = [row[own] for row in classes.rows]
    assert [cell.value for cell in numbers if isinstance(cell, Number)] == summary["own_mean"].tolist()
    assert len(components.rows) == 9
    keys = [column.key for column in components.columns]
    for row, (c, m) in zip(components.rows, np.ndindex(3, 3), strict=True):
        cells = dict(zip(keys, row, strict=True))
        assert cells["class"] == summary["classes"][c]
        nearest = min(summary["mean_distance"][c, m, n] for n in range(3) if n != m)
        for key, value in (("share", summary["share"][c, m]), ("sibling", nearest), ("component", m + 1)):
            cell = cells[key]
            assert isinstance(cell, Number)
            assert cell.value == value
    for figure in figures(section).values():
        for name in figure.files:
            assert (tmp_path / "figures" / name).stat().st_size > 1000
        with Image.open(tmp_path / "figures" / figure.files[0]) as image:
            assert image.width > 600
            assert figure.alt
    assert len(figures(section)) == 3


@pytest.mark.usefixtures("undrawn")
def test_words_follow_from_the_numbers(write_run: Write, material: Callable[..., Material]) -> None:
    run, summary = write_run("gmm", "gmm", {"gmm_lse": 2.0}), summary_of(["road", "sky", "car"])
    summary["share"][0] = [0.995, 0.0045, 0.0005]
    summary["share"][1:] = 1 / 3
    summary["dead"] = summary["share"] < 1e-3
    summary["effective"] = np.array([1.03, 3.0, 2.0])
    summary["beaten"], summary["next_class"] = np.array([0.1, 0.4, 0.2]), np.array([1, 2, 0])
    summary["other_distance"] = np.full((3, 3), 9.0)
    summary["other_distance"][2, 1] = 0.01
    store(run, summary)
    section = mixture_section(material(run))
    assert section is not None
    said = texts(section)
    assert "2 of 9 components hold less than 1 % of their class's pixels, 1 of them less than 0.1 %." in said
    assert "between 1.0 (road) and 3.0 (sky) of 3 components" in said
    assert "most often for pixels of sky: 40.0 %, and its rival is mostly car" in said
    assert "1 of 9 components have a mean that lies nearer to a mean of another class" in said
    assert "1, 5, 50 % of the training pixels do not exceed is not exceeded by 2, 8, 60 %" in said
    assert "Partial evaluation: 30 of 240 images." in said
    assert "wider than the spread" in said


@pytest.mark.usefixtures("undrawn")
def test_pictures_of_a_training_set_that_forbids_it(write_run: Write, material: Callable[..., Material]) -> None:
    run, summary = write_run("gmm", "gmm", {"gmm_lse": 2.0}), summary_of(["road", "sky"])
    forbidden = {"name": "camvid", "frames_may_be_shown": False}
    records: list[dict[str, Any]] = [{"closed_set": "camvid", "dataset": forbidden}, {"dataset": {}}, {"dataset": None}]
    for about in records:
        store(run, summary, **about)
        section = mixture_section(material(run, public=True))
        assert section is not None
        assert not any("patches" in key for key in figures(section))
        assert "are left out" in texts(section)
    store(run, summary)
    section = mixture_section(material(run, public=True))
    assert section is not None
    assert any("patches" in key for key in figures(section))


@pytest.mark.usefixtures("undrawn")
def test_a_mixture_of_another_checkpoint_is_left_out(write_run: Write, material: Callable[..., Material]) -> None:
    runs = [write_run(name, name, {"gmm_lse": 2.0}, families={"gmm_lse": "density"}) for name in ("a", "b", "c")]
    store(runs[0], summary_of(["road", "sky"]))
    store(runs[1], summary_of(["road", "sky"]), checkpoint_sha256="0" * 64)
    section = mixture_section(material(*runs))
    assert section is not None
    assert [block.title for block in section.blocks if isinstance(block, Section)] == ["a"]
    said = texts(section)
    assert "The mixture stored with b is of another checkpoint" in said
    assert "c was not inspected" in said


@pytest.mark.usefixtures("undrawn")
def test_many_classes_are_all_in_the_tables_and_the_largest_in_figures(
    write_run: Write, material: Callable[..., Material]
) -> None:
    run, summary = write_run("gmm", "gmm", {"gmm_lse": 2.0}), summary_of([f"class {n}" for n in range(31)], points=5)
    store(run, summary)
    section = mixture_section(material(run))
    assert section is not None
    assert len(table(section, "classes").rows) == 31
    assert len(table(section, "components").rows) == 93
    assert any(isinstance(block, Fold) and table(section, "components") in block.blocks for block in walk([section]))
    assert all("The 20 classes of most pixels, of 31." in plain(figure.caption) for figure in figures(section).values())


def test_odd_names_and_undefined_numbers(write_run: Write, material: Callable[..., Material]) -> None:
    """A class without pixels, one that training never showed, one component alone, names that are no words."""
    run = write_run("gmm", "<script>|$x$", {"gmm_lse": 2.0})
    summary = summary_of(["_<b>$\\frac|", "天空" * 30, "a" * 200], components=1)
    summary["started"][1] = False
    for key in ("share", "spread", "log_volume", "distance", "other_distance", "plane_means"):
        summary[key][1] = np.nan
    for key in ("effective", "own_mean", "margin_mean", "beaten", "next_share"):
        summary[key][1:] = np.nan
    summary["share"][2], summary["pixels"][2], summary["next_class"][1:] = np.nan, 0, -1
    summary["other_class"][1] = -1
    kept = summary["plane_labels"] == 0
    summary |= {"plane_points": summary["plane_points"][kept], "plane_labels": summary["plane_labels"][kept]}
    del summary["test_levels_below"]
    store(run, summary)
    section = mixture_section(material(run))
    assert section is not None
    assert [row[-1] for row in table(section, "components").rows] == ["alive", "never started", "alive"]
    said = texts(section)
    assert "1 more were never given a pixel" in said
    assert "nan" not in said
    assert len(figures(section)) == 3


@pytest.mark.usefixtures("undrawn")
def test_of_several_seeds_one_is_shown_and_said_so(write_run: Write, material: Callable[..., Material]) -> None:
    runs = []
    for seed in range(2):
        record = {"seed": seed, "checkpoint_sha256": f"{seed}" * 64, "training": {"iterations": 9, "overrides": []}}
        runs.append(write_run(f"seed{seed}", "gmm", {"gmm_lse": 2.0}, provenance=record))
    store(runs[1], summary_of(["road", "sky"]), checkpoint_sha256="1" * 64)
    section = mixture_section(material(*runs))
    assert section is not None
    assert "Of 2 seeds, this is the mixture of one" in texts(section)


def test_figures_of_many_classes_and_components() -> None:
    """Legible at any number: patches keep their width, all names of the plane stand inside it."""
    summary = summary_of([f"class {n}" for n in range(20)], components=7, points=10)
    page = mixture_figures.patches(summary, patches_of(summary, kept=2), range(20))
    assert page.get_figwidth() < 12
    drawn = mixture_figures.plane(summary, range(20))
    [axes] = drawn.axes
    frame = axes.get_window_extent()
    named = [text for text in axes.texts if "class" in text.get_text()]
    assert len(named) == 20
    boxes = [text.get_window_extent() for text in named]
    assert all(frame.x0 - 30 < box.x0 and box.x1 < frame.x1 + 30 for box in boxes)
    assert len({(text.get_color(), text.get_text()[0]) for text in named}) == 20
