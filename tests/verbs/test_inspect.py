"""``gmmbench inspect`` on small models: what it stores is what the model's own scores say."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from gmmbench.cli import main
from gmmbench.data import closed_set
from gmmbench.errors import InputError
from gmmbench.labels import IGNORE
from gmmbench.mixture import Budget
from gmmbench.models.predictor import Predictor
from gmmbench.posthoc import fit_gmm
from gmmbench.results import RunFolder
from gmmbench.results.mixture import load_about, load_patches
from gmmbench.scores.gmm_lse import gmm_lse
from gmmbench.verbs import OurModel
from gmmbench.verbs.inspect import inspect, mixtures_of


def log_densities(model: OurModel, root: Path) -> np.ndarray:
    """log p(x) of all labelled pixels of the training split, as the score ``gmm_lse`` gives it."""
    loaded, found = model.load(), []
    for sample in closed_set("camvid").load(root, "train"):  # type: ignore[attr-defined]
        found.append(-gmm_lse(loaded.bare(sample.image)).numpy()[sample.labels != IGNORE])
    return np.concatenate(found)


def test_of_a_gmm_model(gmm: OurModel, tiny_tree: Path, tmp_path: Path) -> None:
    folder, _ = inspect(gmm, data_root=tiny_tree, out=tmp_path / "run", held_out="train", budget=Budget(seed=3))
    assert folder == tmp_path / "run" / "mixture"
    summary = RunFolder(tmp_path / "run").mixture()
    assert summary is not None
    assert tuple(summary["classes"]) == closed_set("camvid").classes
    assert summary["weight"].tolist() == [[0.5, 0.5]] * 11
    assert np.nansum(summary["share"], axis=1) == pytest.approx(np.ones(11))
    density = log_densities(gmm, tiny_tree)
    assert int(summary["density_pixels"]) == len(density)
    shares = [np.mean(density <= quantile) for quantile in summary["density_quantiles"]]
    assert (np.array(shares) >= summary["density_levels"]).all()
    assert shares == pytest.approx(summary["density_levels"].tolist(), abs=0.02)
    # The held-out split was the same one: so many of its pixels lie below.
    assert summary["test_levels_below"] == pytest.approx(shares, abs=1e-9)
    about = load_about(tmp_path / "run")
    assert (about["images"], about["images_total"], about["sample"]["seed"]) == (6, 6, 3)
    assert about["closed_set"] == "camvid"
    assert about["dataset"]["frames_may_be_shown"] is False
    assert "--seed 3" in about["command"]
    patches = load_patches(tmp_path / "run")
    seen = np.isfinite(patches["patch_log_prob"])
    assert seen.any()
    assert set(patches["patch_images"][seen]) <= {f"0001TP_{n:06d}" for n in range(6)}


def test_of_a_mixture_fitted_afterwards(softmax: OurModel, tiny_tree: Path, tmp_path: Path) -> None:
    fitted = fit_gmm(
        softmax.config, softmax.checkpoint, data_root=tiny_tree, out=tmp_path, covariance="tied", pixels=50
    )
    model = OurModel(softmax.config, softmax.checkpoint, fitted.path)
    inspect(model, data_root=tiny_tree, out=tmp_path / "run", held_out=None)
    summary = RunFolder(tmp_path / "run").mixture()
    assert summary is not None
    assert summary["share"].tolist() == [[1.0]] * 11
    assert len(np.unique(summary["spread"].round(6))) == 1  # one covariance for all
    assert "test_levels_below" not in summary
    assert load_about(tmp_path / "run")["posthoc"]["covariance"] == "tied"
    # The classes' densities are those of the prediction.
    predictor = model.load().bare
    assert isinstance(predictor, Predictor)
    image = np.random.default_rng(0).integers(0, 256, (48, 64, 3)).astype(np.uint8)
    with torch.inference_mode():
        mixtures, p = mixtures_of(predictor, model), predictor(image)
        assert p.features is not None
        rows = mixtures.embed(p.features.flatten(1).t())
        density = mixtures.class_density(mixtures.components(rows))
        assert predictor.posthoc is not None
        assert torch.allclose(density, predictor.posthoc(p.features).flatten(1).t(), atol=1e-3)


def test_a_gmm_model_without_weights(
    tiny: Callable[..., Path], tiny_checkpoint: Callable[..., Path], tiny_tree: Path, tmp_path: Path
) -> None:
    config = tiny("gmm", {"model.classifier.class_density": "best"})
    model = OurModel(config, tiny_checkpoint(config))
    inspect(model, data_root=tiny_tree, out=tmp_path / "run", held_out=None, limit=2)
    summary, about = RunFolder(tmp_path / "run").mixture(), load_about(tmp_path / "run")
    assert summary is not None
    assert np.isnan(summary["weight"]).all()
    assert (about["images"], about["images_total"]) == (2, 6)
    assert about["class_density"] == "likeliest component"


def test_a_softmax_model_has_no_mixture(softmax: OurModel, tiny_tree: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no mixture to inspect.*fit-gmm.*--gmm"):
        inspect(softmax, data_root=tiny_tree, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_split_that_is_not_there_is_refused_before_anything_is_written(
    gmm: OurModel, tiny_tree: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r"test\.txt"):
        inspect(gmm, data_root=tiny_tree, out=tmp_path / "run", held_out="test")
    assert not (tmp_path / "run").exists()


def test_from_the_command_line(
    gmm: OurModel, softmax: OurModel, tiny_tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["inspect", str(gmm.config), str(gmm.checkpoint), "--data-root", str(tiny_tree), "--out", str(tmp_path)]
    assert main([*words, "--no-test", "--limit", "3", "--pixels", "40", "--threads", "1"]) == 0
    printed = capsys.readouterr().out
    assert "bicyclist" in printed
    assert "0 of 22 components hold less than 0.1 %" in " ".join(printed.split())
    assert load_about(tmp_path)["images"] == 3
    assert main([*words, "--test-split", "train", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [about["class"] for about in found["classes"]] == list(closed_set("camvid").classes)
    assert found["wrote"] == str(tmp_path / "mixture")
    words[1:3] = [str(softmax.config), str(softmax.checkpoint)]
    assert main(words) == 2
    assert "fit-gmm" in capsys.readouterr().err
