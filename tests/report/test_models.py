"""Which runs are one model, and which models are twins."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from gmmbench.report.models import models_of
from gmmbench.report.pairs import best_side, density_side, pairs_of
from gmmbench.report.runs import load_runs

DrawnRun = Callable[..., Path]
GMM = {"gmm_max": ("density", {"AP": (0.6, None)}), "gmm_lse": ("density", {"AP": (0.5, None)})}
GMM |= {"energy": ("posterior", {"AP": (0.9, None)})}
SOFTMAX = {"energy": ("logits", {"AP": (0.4, None)}), "msp": ("logits", {"AP": (0.3, None)})}


def labels(paths: list[Path]) -> list[tuple[str, int]]:
    return [(model.label, len(model.runs)) for model in models_of(load_runs(paths))]


def test_seeds_are_one_model_and_other_configs_are_not(drawn_run: DrawnRun) -> None:
    paths = [drawn_run(f"g{seed}", "gmm", GMM, seed=seed) for seed in range(3)]
    paths += [drawn_run(f"s{seed}", "softmax", SOFTMAX, seed=seed, config="soft") for seed in range(2)]
    assert labels(paths) == [("gmm", 3), ("softmax", 2)]


def test_another_schedule_is_another_model(drawn_run: DrawnRun) -> None:
    short = drawn_run("short", "gmm", GMM, seed=0)
    long = drawn_run("long", "gmm", GMM, seed=1, training={"iterations": 999, "overrides": []})
    assert [runs for _, runs in labels([short, long])] == [1, 1]


def test_one_checkpoint_evaluated_twice_is_no_two_seeds(drawn_run: DrawnRun) -> None:
    paths = [drawn_run(name, "gmm", GMM, seed=0) for name in ("once", "again")]
    assert [runs for _, runs in labels(paths)] == [1, 1]


def test_rows_without_a_record_stand_for_themselves(drawn_run: DrawnRun) -> None:
    paths = [drawn_run(name, "gmm", GMM, config_sha256=None, seed=number) for number, name in enumerate("ab")]
    assert [runs for _, runs in labels(paths)] == [1, 1]


def test_a_twin_shares_the_recipe_and_the_seed(drawn_run: DrawnRun) -> None:
    gmm = drawn_run("g", "gmm", GMM, config="g")
    twin = drawn_run("s", "twin", SOFTMAX, config="s")
    other = drawn_run("o", "other", SOFTMAX, config="o", recipe="another")
    [pair] = pairs_of(models_of(load_runs([other, gmm, twin])))
    assert pair.model.label == "gmm"
    assert pair.twin is not None
    assert (pair.twin.label, pair.same_recipe) == ("twin", True)


def test_changes_to_the_classifier_leave_twins_twins(drawn_run: DrawnRun) -> None:
    changed = {"iterations": 100, "overrides": ["model.classifier.covariance=full"]}
    gmm = drawn_run("g", "gmm", GMM, config="g", training=changed)
    twin = drawn_run("s", "twin", SOFTMAX, config="s")
    [pair] = pairs_of(models_of(load_runs([gmm, twin])))
    assert pair.same_recipe


def test_the_only_rival_is_taken_and_the_reason_told(drawn_run: DrawnRun) -> None:
    gmm = drawn_run("g", "gmm", GMM, config="g")
    rival = drawn_run("s", "rival", SOFTMAX, config="s", recipe="another")
    [pair] = pairs_of(models_of(load_runs([gmm, rival])))
    assert (pair.same_recipe, pair.why) == (False, "they were not trained by one recipe")
    silent = drawn_run("t", "silent", SOFTMAX, config="t", recipe=None)
    [pair] = pairs_of(models_of(load_runs([gmm, silent])))
    assert pair.why == "their rows do not record the recipe"
    [pair] = pairs_of(models_of(load_runs([gmm, rival, silent])))
    assert pair.twin is None, "of two strangers neither is its rival"


def test_score_maps_made_elsewhere_are_nobodys_rival(drawn_run: DrawnRun) -> None:
    gmm = drawn_run("g", "gmm", GMM, config="g")
    maps = drawn_run("m", "maps", {"score_maps": ("outside", {"AP": (0.9, None)})}, config="m")
    [pair] = pairs_of(models_of(load_runs([gmm, maps])))
    assert pair.twin is None


def test_gmm_lse_stands_for_the_gmm_and_the_best_single_score_for_its_rival(drawn_run: DrawnRun) -> None:
    gmm = drawn_run("g", "gmm", GMM, config="g")
    scores = SOFTMAX | {"ensemble_mi": ("logits", {"AP": (0.99, None)})}
    twin = drawn_run("s", "twin", scores, config="s", models={"ensemble_mi": 3})
    models = models_of(load_runs([gmm, twin]))
    mine, its = density_side(models[0], "street_ood"), best_side(models[1], "street_ood")
    assert mine is not None
    assert its is not None
    assert (mine.score, its.score) == ("gmm_lse", "energy")
    assert density_side(models[1], "street_ood") is None
    assert best_side(models[1], "elsewhere") is None
