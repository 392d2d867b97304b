"""A density for a model that has none: ``fit-gmm``, its file, and what evaluation makes of it.

Here and not beside ``gmmbench/posthoc.py``'s other tests, because it needs this folder's small models and data.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from torch.nn import functional as F

from gmmbench.cli import main
from gmmbench.data import closed_set
from gmmbench.errors import InputError
from gmmbench.gmm.covariance import COVARIANCES
from gmmbench.models.config import read_config
from gmmbench.models.posthoc import PostHoc, load_posthoc, save_posthoc
from gmmbench.models.predictor import load_predictor
from gmmbench.posthoc import fit_gmm
from gmmbench.results import RunFolder

VOID = 255


@pytest.fixture(scope="module")
def models(tiny, tmp_path_factory):
    """Kind to (config, checkpoint) of an untrained model."""
    made = {}
    for kind in ("softmax", "gmm"):
        config, path = tiny(kind), tmp_path_factory.mktemp("models") / kind / "model.pth"
        init_default_scope("mmseg")
        torch.manual_seed(0)
        path.parent.mkdir()
        torch.save(MODELS.build(read_config(config).model).state_dict(), path)
        made[kind] = config, path
    return made


@pytest.fixture(scope="module")
def fitted(models, data_root, tmp_path_factory):
    """Two Gaussians a class on the softmax model's features."""
    out = tmp_path_factory.mktemp("fits")
    return fit_gmm(*models["softmax"], data_root=data_root, out=out, components=2)


def features_of(models, data_root: Path, limit: int | None = None) -> tuple[torch.Tensor, torch.Tensor]:
    """All of the training split, (N, D) and (N,), read anew."""
    predictor = load_predictor(*models["softmax"], device="cpu")
    rows, labels = [], []
    for sample in list(closed_set("camvid").load(data_root, "train"))[:limit]:
        maps = predictor(sample.image).features
        label = torch.tensor(sample.labels)[None, None].float()
        rows.append(maps.flatten(1).t())
        labels.append(F.interpolate(label, size=maps.shape[1:], mode="nearest").long().flatten())
    return torch.cat(rows), torch.cat(labels)


def test_the_commands(models, data_root, tmp_path, capsys):
    config, checkpoint = models["softmax"]
    data = ["--data-root", str(data_root)]
    ood = ["eval-ood", str(config), str(checkpoint), "--datasets", "camvid_ood", *data]
    assert main(["fit-gmm", str(config), str(checkpoint), "--out", str(tmp_path), *data]) == 0
    printed = capsys.readouterr()
    assert printed.err == "", "no progress bar where nobody looks"
    assert "of 8 of 8 images, at most 20000 a class, 16 channels" in printed.out
    assert "EM iteration 1: " in printed.out
    file = tmp_path / "gmm_full.pth"
    assert printed.out.endswith(f"wrote {file}\n")
    assert main([*ood, "--gmm", str(file), "--out", str(tmp_path / "with")]) == 0
    assert main([*ood, "--out", str(tmp_path / "without")]) == 0
    capsys.readouterr()

    rows, plain = (RunFolder(tmp_path / name).rows() for name in ("with", "without"))
    families = {row.score: row.family for row in rows}
    assert families == {
        "gmm_max": "density", "gmm_lse": "density",
        "msp": "logits", "max_logit": "logits", "entropy": "logits", "margin": "logits", "energy": "logits",
    }  # fmt: skip
    assert {row.run for row in rows} == {"tiny_softmax"}
    mine = {(row.score, row.metric): row.value for row in rows}
    assert all(mine[row.score, row.metric] == row.value for row in plain), "the model's own scores are untouched"
    row = next(row for row in rows if row.score == "gmm_lse")
    assert row.provenance["command"].endswith(f"--scores fast --gmm {file}")
    assert row.provenance["posthoc"]["file_sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert row.provenance["posthoc"]["covariance"] == "full"
    assert row.provenance["scores"]["gmm_lse"] == (
        "-log 1/C sum_c exp(d_c); d of a Gaussian a class (full covariance), fitted to the trained model's features,"
        " L2-normalised, on 8 images of camvid train"
    )
    energy = next(row for row in rows if row.score == "energy")
    assert energy.provenance["scores"] == {"energy": "-log sum_c exp(z_c)"}
    assert row.provenance["protocol"] == plain[0].provenance["protocol"], "the two can stand in one report"
    assert main(["report", str(tmp_path / "with"), "--out", str(tmp_path / "report")]) == 0
    assert "fitted to the trained model" in (tmp_path / "report" / "report.md").read_text(encoding="utf-8")


def test_one_gaussian_a_class_is_the_closed_form(models, data_root, tmp_path):
    fit = fit_gmm(*models["softmax"], data_root=data_root, out=tmp_path, covariance="tied", floor=0.2)
    rows, labels = features_of(models, data_root)
    x = F.normalize(rows, dim=1).double()
    classes = [x[labels == c] for c in range(11)]
    pooled = sum(len(part) * torch.cov(part.t(), correction=0) for part in classes) / sum(map(len, classes))
    scale = float(pooled.diagonal().mean())
    about = fit.about
    assert about["floor_absolute"] == pytest.approx(0.2 * scale, rel=1e-4)
    assert list(about["pixels"].values()) == [len(part) for part in classes]
    assert list(about["pixels"]) == list(closed_set("camvid").classes)
    noisy = pooled + about["floor_absolute"] * torch.eye(16)
    expected = torch.stack(
        [torch.distributions.MultivariateNormal(part.mean(dim=0), noisy).log_prob(x) for part in classes], dim=1
    )
    posthoc, _ = load_posthoc(fit.path, models["softmax"][1], about["checkpoint_sha256"])
    got = posthoc(rows.t()[:, :, None])[:, :, 0].t()
    torch.testing.assert_close(got.double(), expected, rtol=1e-4, atol=1e-3)
    own = expected.gather(1, labels.clamp(max=10)[:, None])[labels != VOID].mean()
    assert about["log_likelihood"][-1] == pytest.approx(float(own), abs=1e-3)


@pytest.mark.parametrize("covariance", COVARIANCES)
@pytest.mark.parametrize("unit", [True, False])
def test_every_covariance(covariance, unit, models, data_root, tmp_path):
    fit = fit_gmm(*models["softmax"], data_root=data_root, out=tmp_path, covariance=covariance, components=2, unit=unit)
    assert fit.path == tmp_path / f"gmm_{covariance}.pth"
    assert (fit.about["covariance"], fit.about["components"], fit.about["unit"]) == (covariance, 2, unit)
    assert fit.about["log_likelihood"] == sorted(fit.about["log_likelihood"])
    json.dumps(fit.about, allow_nan=False)
    posthoc, _ = load_posthoc(fit.path, models["softmax"][1], fit.about["checkpoint_sha256"])
    rows, _ = features_of(models, data_root, 1)
    assert torch.isfinite(posthoc(rows.t()[:, :, None])).all()
    longer = posthoc(3 * rows.t()[:, :, None])
    assert torch.allclose(longer, posthoc(rows.t()[:, :, None]), atol=1e-2) == unit


def test_the_predictor_gives_the_density_of_its_own_features(models, data_root, fitted):
    config, checkpoint = models["softmax"]
    plain = load_predictor(config, checkpoint, device="cpu")
    posthoc, about = load_posthoc(fitted.path, checkpoint, hashlib.sha256(checkpoint.read_bytes()).hexdigest())
    assert about == fitted.about
    dense = type(plain)(**{**vars(plain), "posthoc": posthoc})
    assert dense.gives - plain.gives == {"density"}
    assert not dense.generative
    image = closed_set("camvid").load(data_root, "test")[0].image
    one, other = plain(image), dense(image)
    assert torch.equal(one.logits, other.logits)
    assert torch.equal(one.features, other.features)
    expected = F.interpolate(posthoc(one.features)[None], size=image.shape[:2], mode="bilinear", align_corners=False)
    torch.testing.assert_close(other.density, expected[0])


def test_a_gmm_model_keeps_its_family(models, data_root, tmp_path):
    """Its logits are made of its own densities, whoever else gives another density."""
    config, checkpoint = models["gmm"]
    fit = fit_gmm(config, checkpoint, data_root=data_root, out=tmp_path, covariance="diag")
    assert fit.about["dim"] == 12
    out = tmp_path / "eval"
    arguments = ["--datasets", "camvid_ood", "--data-root", str(data_root), "--gmm", str(fit.path), "--out", str(out)]
    assert main(["eval-ood", str(config), str(checkpoint), *arguments]) == 0
    assert {row.score: row.family for row in RunFolder(out).rows()}["energy"] == "posterior"


def test_the_seed_decides(models, data_root, tmp_path, fitted):
    again = fit_gmm(*models["softmax"], data_root=data_root, out=tmp_path, components=2)
    assert again.about["log_likelihood"] == fitted.about["log_likelihood"]
    other = fit_gmm(*models["softmax"], data_root=data_root, out=tmp_path, components=2, seed=1)
    assert other.about["log_likelihood"] != fitted.about["log_likelihood"]


def test_less_data(models, data_root, tmp_path):
    fit = fit_gmm(*models["softmax"], data_root=data_root, out=tmp_path, pixels=7, limit=3)
    assert (fit.about["images"], fit.about["images_total"]) == (3, 8)
    assert set(fit.about["pixels"].values()) == {7}
    everything = fit_gmm(*models["softmax"], data_root=data_root, out=tmp_path)
    right = fit_gmm(*models["softmax"], data_root=data_root, out=tmp_path, correct_only=True)
    rows, labels = features_of(models, data_root)
    assert sum(everything.about["pixels"].values()) == int((labels != VOID).sum())
    assert 0 < sum(right.about["pixels"].values()) < 0.5 * len(rows)
    assert any(line.startswith("no pixel of ") for line in right.lines()), "an untrained model never says some classes"


def test_classes_and_components_without_a_pixel(models, data_root, tmp_path):
    posthoc = PostHoc(3, 2, 4, covariance="diag", unit=False, floor=0.1)
    posthoc.mixture.started[0] = True
    posthoc.mixture.started[2, 0] = True
    far = torch.full((4, 1, 1), 1e4)
    for x in (torch.randn(4, 2, 3), far):
        density = posthoc(x)
        assert torch.isfinite(density).all()
        assert torch.equal(density[1], density[[0, 2]].amin(dim=0))
        torch.testing.assert_close(density[0], density[2])  # one component of two weighs 1, not 1/2
    assert posthoc(far).amax() < -1e6, "no density for an anomaly to hide under"


def test_a_mixture_of_another_checkpoint(models, fitted, data_root, tmp_path, capsys):
    config, checkpoint = models["softmax"]
    state = torch.load(checkpoint, weights_only=True)
    state["decode_head.conv_seg.bias"] += 1
    other = tmp_path / "other.pth"
    torch.save(state, other)
    ood = ["--datasets", "camvid_ood", "--data-root", str(data_root), "--out", str(tmp_path / "eval")]
    assert main(["eval-ood", str(config), str(other), *ood, "--gmm", str(fitted.path)]) == 2
    said = capsys.readouterr().err
    assert f"was fitted to the features of {checkpoint}" in said
    assert f"not of {other}" in said
    assert main(["eval-ood", str(config), str(checkpoint), *ood, "--gmm", str(checkpoint)]) == 2
    assert "holds no post-hoc mixture" in capsys.readouterr().err
    assert main(["eval-ood", str(config), str(checkpoint), *ood, "--gmm", str(tmp_path / "none.pth")]) == 2
    assert "no checkpoint at" in capsys.readouterr().err
    assert main(["eval-ood", str(config), str(checkpoint), *ood, "--scores", "gmm_max"]) == 2
    assert "needs density, which this model does not give" in capsys.readouterr().err
    assert not (tmp_path / "eval").exists()


def test_what_cannot_be_fitted(models, tiny, data_root, tmp_path, capsys):
    config, checkpoint = models["softmax"]
    fit = ["fit-gmm", str(config), str(checkpoint), "--out", str(tmp_path / "out"), "--data-root", str(data_root)]
    for more, said in (
        (["--covariance", "ful"], "unknown covariance 'ful'; did you mean 'full'?"),
        (["--floor", "0"], "--floor 0.0: wanted more than 0"),
        (["--components", "0"], "--components"),
        (["--limit", "0"], "--limit"),
        (["--data-root", str(tmp_path / "nowhere")], "no data root at"),
    ):
        assert main([*fit, *more]) == 2
        assert said in capsys.readouterr().err
    zeros = {key: torch.zeros_like(value) for key, value in torch.load(checkpoint, weights_only=True).items()}
    torch.save(zeros, tmp_path / "zeros.pth")
    with pytest.raises(InputError, match="do not vary within classes"):
        fit_gmm(config, tmp_path / "zeros.pth", data_root=data_root, out=tmp_path / "out")
    broken = {key: value * np.nan if value.is_floating_point() else value for key, value in zeros.items()}
    torch.save(broken, tmp_path / "broken.pth")
    with pytest.raises(InputError, match=r"image '\S+': the model's features are not finite"):
        fit_gmm(config, tmp_path / "broken.pth", data_root=data_root, out=tmp_path / "out")
    nine = tiny("softmax", {"model.decode_head.num_classes": 9})
    with pytest.raises(InputError, match="of another shape"):
        fit_gmm(nine, checkpoint, data_root=data_root, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_file_is_whole_or_not_there(tmp_path):
    posthoc = PostHoc(2, 1, 3, covariance="full", unit=True, floor=0.1)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write"):
        save_posthoc(posthoc, tmp_path / "file" / "gmm.pth", {})
    save_posthoc(posthoc, tmp_path / "gmm.pth", {"checkpoint": "a.pth", "checkpoint_sha256": "00"})
    again, _ = load_posthoc(tmp_path / "gmm.pth", Path("a.pth"), "00")
    assert again.options == posthoc.options
    assert [path.name for path in tmp_path.iterdir() if path.suffix != ""] == ["gmm.pth"]
