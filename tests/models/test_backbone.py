"""timm models as backbones: what they give, and weights from a file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from gmmbench.errors import InputError
from gmmbench.models.backbone import TimmFeatures

FILE = "mobilenetv2_100_imagenet_dequantised.pth"


@pytest.mark.parametrize(
    ("name", "stages", "strides"),
    [
        ("test_efficientnet", (1, 2, 3, 4), (4, 8, 16, 32)),
        ("test_efficientnet", (0, 4), (2, 32)),
        ("test_resnet", (1, 2), (4, 8)),
        ("test_convnext", (0, 1, 2, 3), (4, 8, 16, 32)),
    ],
)
def test_gives_the_stages_asked_for(name, stages, strides):
    backbone = TimmFeatures(name, stages).eval()
    maps = backbone(torch.zeros(1, 3, 64, 96))
    assert [tuple(each.shape) for each in maps] == [
        (1, channels, 64 // stride, 96 // stride)
        for channels, stride in zip(backbone.channels, strides, strict=True)
    ]  # fmt: skip


def test_odd_sizes_round_up():
    (coarse,) = TimmFeatures("test_efficientnet", (4,)).eval()(torch.zeros(1, 3, 65, 97))
    assert coarse.shape[2:] == (3, 4)


def test_options_reach_timm():
    dilated = TimmFeatures("test_efficientnet", (4,), output_stride=16).eval()
    assert dilated(torch.zeros(1, 3, 64, 64))[0].shape[2:] == (4, 4)


def test_unknown_name_suggests_others():
    with pytest.raises(InputError, match=r"unknown timm backbone 'mobilenetv2_1000'; similar: mobilenetv2_"):
        TimmFeatures("mobilenetv2_1000", (1,))
    with pytest.raises(InputError, match="similar: none"):
        TimmFeatures("nosuchthing_50", (1,))


@pytest.mark.parametrize("name", ["test_efficientnet", "test_convnext"])
@pytest.mark.parametrize("nested", [False, True])
def test_reads_a_classifier_file(name, nested, tmp_path):
    """timm flattens test_convnext's features ("stages.0" becomes "stages_0"), test_efficientnet's not."""
    import timm

    torch.manual_seed(1)
    whole = timm.create_model(name).eval()
    state = whole.state_dict()
    torch.save({"state_dict": state} if nested else state, tmp_path / "weights.pth")
    torch.manual_seed(2)
    backbone = TimmFeatures(name, (1,), weights=str(tmp_path / "weights.pth")).eval()
    for key, value in backbone.body.state_dict().items():
        twin = next(other for other in state if other.replace(".", "_") == key.replace(".", "_"))
        assert torch.equal(value, state[twin])


def test_reads_its_own_state_dict(tmp_path):
    backbone = TimmFeatures("test_convnext", (0, 1))
    torch.save(backbone.body.state_dict(), tmp_path / "weights.pth")
    again = TimmFeatures("test_convnext", (0, 1), weights=str(tmp_path / "weights.pth"))
    assert all(torch.equal(value, again.state_dict()[key]) for key, value in backbone.state_dict().items())


def test_misfit_names_keys(tmp_path):
    import timm

    path = tmp_path / "weights.pth"
    state = timm.create_model("test_efficientnet").state_dict()
    del state["conv_stem.weight"]
    torch.save(state, path)
    with pytest.raises(InputError, match=r"1 of \d+ keys missing \(first: conv_stem\.weight\), 0 of another shape"):
        TimmFeatures("test_efficientnet", (1,), weights=str(path))
    state["conv_stem.weight"] = torch.zeros(1)
    torch.save(state, path)
    with pytest.raises(InputError, match=r"0 of \d+ keys missing, 1 of another shape \(first: conv_stem\.weight\)"):
        TimmFeatures("test_efficientnet", (1,), weights=str(path))
    with pytest.raises(InputError, match="no checkpoint at"):
        TimmFeatures("test_efficientnet", (1,), weights=str(tmp_path / "none.pth"))


def test_initialisation_keeps_what_timm_loaded(tmp_path):
    backbone = TimmFeatures("test_efficientnet", (1,))
    before = {key: value.clone() for key, value in backbone.state_dict().items()}
    backbone.init_weights()
    assert all(torch.equal(value, before[key]) for key, value in backbone.state_dict().items())


def test_reads_the_imagenet_file():
    places = [Path(__file__).parents[3] / "shared" / "weights" / FILE]
    if named := os.environ.get("GMMBENCH_WEIGHTS"):
        places += [Path(named), Path(named) / FILE]
    found = [place for place in places if place.is_file()]
    if not found:
        pytest.skip(f"{FILE} is neither in the parent folder's shared/weights nor where GMMBENCH_WEIGHTS points")
    fresh = TimmFeatures("mobilenetv2_100", (1, 2, 3, 4))
    loaded = TimmFeatures("mobilenetv2_100", (1, 2, 3, 4), weights=str(found[0]))
    moved = [key for key, value in fresh.state_dict().items() if not torch.equal(value, loaded.state_dict()[key])]
    assert {key for key in fresh.state_dict() if key.endswith("conv.weight")} <= set(moved)
    assert all(torch.isfinite(value).all() for value in loaded.state_dict().values())
    assert len(moved) > 0.7 * len(fresh.state_dict())
