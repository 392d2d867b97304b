"""Which rows get a curve or a heat map."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from gmmbench.report.choose import Choice, by_rank, for_curves, for_heat_maps, rows_of
from gmmbench.report.models import Model
from gmmbench.report.runs import Run
from gmmbench.results import Row, RunFolder

Given = tuple[str, str, str, float]
"""model, score, family, AP."""


def table(*given: Given) -> list[Choice]:
    """Rows as a table has them."""
    models = {label: Model(label, ()) for label, _, _, _ in given}
    return [Choice(models[label], "streets", score, family, rank) for label, score, family, rank in given]


def chosen(rows: Sequence[Choice]) -> list[tuple[str, str]]:
    return [(row.model.label, row.score) for row in rows]


def test_curves_are_each_models_densities_and_best_rival() -> None:
    rows = table(
        ("g", "nll", "density", 0.3), ("g", "maha", "density", 0.4), ("g", "energy", "logits", 0.1),
        ("g", "msp", "logits", 0.2), ("s", "energy", "logits", 0.6), ("s", "msp", "logits", math.nan),
    )  # fmt: skip
    assert chosen(for_curves(rows)) == [("g", "nll"), ("g", "maha"), ("g", "msp"), ("s", "energy")]
    many = table(*((f"r{i}", "nll", "density", i / 10) for i in range(9)))
    assert chosen(for_curves(many)) == [(f"r{i}", "nll") for i in range(3, 9)]
    assert len(for_curves(table(("s", "a", "logits", 0.1), ("s", "b", "logits", 0.2)))) == 2
    assert for_curves([]) == []


def test_heat_maps_are_the_first_density_and_the_best_logits() -> None:
    density: list[Given] = [("g", "nll", "density", 0.3), ("g", "maha", "density", 0.4)]
    logits: list[Given] = [("s", "msp", "logits", 0.1), ("s", "energy", "logits", 0.2), ("s", "max", "logits", 0.3)]
    assert chosen(for_heat_maps(table(*density, *logits))) == [("g", "nll"), ("s", "max")]
    assert chosen(for_heat_maps(table(*logits))) == [("s", "max"), ("s", "energy")]
    assert chosen(for_heat_maps(table(*density))) == [("g", "nll"), ("g", "maha")]
    assert chosen(for_heat_maps(table(density[0]))) == [("g", "nll")]


def test_more_heat_maps_are_other_models_first() -> None:
    rows = table(
        ("g", "nll", "density", 0.3), ("s", "max", "logits", 0.5), ("s", "energy", "logits", 0.4),
        ("t", "a", "outside", 0.1), ("t", "b", "outside", 0.2),
    )  # fmt: skip
    assert chosen(for_heat_maps(rows, 4)) == [("g", "nll"), ("s", "max"), ("t", "b"), ("s", "energy")]


def test_undefined_ranks_last_and_ties_keep_their_order() -> None:
    rows = table(("a", "x", "logits", math.nan), ("a", "y", "logits", 0.1), ("a", "z", "logits", 0.1))
    assert chosen(by_rank(rows)) == [("a", "y"), ("a", "z"), ("a", "x")]


def test_rows_are_those_of_the_table_and_seeds_are_averaged(tmp_path: Path) -> None:
    def run(label: str, *rows: tuple[str, str, float]) -> Run:
        made = [Row("ood", label, "streets", "AP", ap, score, family) for score, family, ap in rows]
        return Run(label, RunFolder(tmp_path / label), tuple(made))

    softmax = Model("s", (run("s", ("msp", "logits", 0.2), ("knn", "features", 0.3)),))
    seeds = [run("g", ("energy", "posterior", ap), ("nll", "density", 2 * ap)) for ap in (0.1, 0.3)]
    rows = rows_of([softmax, Model("g", tuple(seeds))], "streets")
    assert chosen(rows) == [("g", "nll"), ("g", "energy"), ("s", "msp"), ("s", "knn")]
    assert [round(row.rank, 9) for row in rows] == [0.4, 0.2, 0.2, 0.3]
    assert rows_of([softmax], "elsewhere") == []
