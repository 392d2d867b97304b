"""Every experiment's config gives a model that learns, predicts and survives saving, and has its full-size shapes.

Two sizes of each:

- *small*, on the CPU with numbers: one step of both twins, EM included, on 64x64. ``SHRINK`` cuts what makes a
  backbone long. MiT: one layer a stage. ResNet: one block a stage. HRNet: one module of one block a stage. Swin:
  two blocks in the first stage (the second one shifts its windows), one in the others. ConvNeXt: one block a
  stage. ``NARROW`` makes the heads 32 channels wide. The backbone's widths and the classes are the config's own.
- *full*, on PyTorch's meta device, which knows shapes and no numbers: nothing is cut, so that a wrong channel
  number of a deep model cannot hide. Each architecture once, on CamVid's crops, whose sides divide worst; and the
  softmax models' parameters are held against MMSegmentation's own.
"""

from __future__ import annotations

import copy
from functools import cache, partial
from pathlib import Path
from typing import Any

import mmseg
import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DATA_SAMPLERS, init_default_scope
from mmengine.structures import PixelData
from mmseg.models.backbones.resnet import Bottleneck, ResNet
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from gmmbench.data import closed_set
from gmmbench.gmm import GMMClassifier
from gmmbench.models.config import read_config
from gmmbench.models.segmentor import Segmentor

CONFIGS = Path(__file__).parents[2] / "configs"
PAIRS = sorted(path for path in CONFIGS.rglob("*_gmm.py") if path.parent.name != "_base_")
REFERENCE = Path(mmseg.__file__).parent / ".mim" / "configs"
SIDE = 64

ONE_MODULE = {
    f"stage{stage}": {"num_modules": 1, "num_blocks": (1,) * branches}
    for stage, branches in ((1, 1), (2, 2), (3, 3), (4, 4))
}
SHRINK: dict[str, dict[str, Any]] = {
    "MixVisionTransformer": {"num_layers": [1, 1, 1, 1]},
    "ResNetV1c": {"depth": 50},  # and ONE_BLOCK
    "HRNet": {"extra": ONE_MODULE},
    "SwinTransformer": {"depths": [2, 1, 1, 1]},
    "convnext_tiny.fb_in1k": {"depths": (1, 1, 1, 1)},
}
ONE_BLOCK = (Bottleneck, (1, 1, 1, 1))
NARROW: dict[str, dict[str, Any]] = {
    "SegformerHead": {"channels": 32},
    "DepthwiseSeparableASPPHead": {"channels": 32},
    "UPerHead": {"channels": 32},
    "OCRNetHead": {"channels": 32, "ocr_channels": 16},
    "FCNHead": {"channels": 32},
}

# Our architecture to MMSegmentation's config for ADE20K, and what is not as there.
REFERENCES: dict[str, tuple[str, dict[str, Any]]] = {
    **{f"segformer_b{size}": (f"segformer/segformer_mit-b{size}_8xb2-160k_ade20k-512x512.py", {}) for size in range(5)},
    "segformer_b5": ("segformer/segformer_mit-b5_8xb2-160k_ade20k-512x512.py", {"model.decode_head.channels": 768}),
    "deeplabv3plus_r50": ("deeplabv3plus/deeplabv3plus_r50-d8_4xb4-160k_ade20k-512x512.py", {}),
    "deeplabv3plus_r101": ("deeplabv3plus/deeplabv3plus_r101-d8_4xb4-160k_ade20k-512x512.py", {}),
    "ocrnet_hr48": ("ocrnet/ocrnet_hr48_4xb4-160k_ade20k-512x512.py", {}),
    **{
        f"upernet_swin_{size[0]}": (
            f"swin/swin-{size}-patch4-window7-in1k-pre_upernet_8xb2-160k_ade20k-512x512.py",
            {},
        )
        for size in ("tiny", "small", "base")
    },
}


FULL_SIZE = [path for path in PAIRS if path.parent.name in ("camvid", "street")]


def twin_of(path: Path) -> Path:
    return path.with_name(path.name.replace("_gmm.py", "_softmax.py"))


def name_of(path: Path) -> str:
    return f"{path.parent.name}/{path.stem.removesuffix('_gmm').removesuffix('_softmax')}"


each_pair = pytest.mark.parametrize("path", PAIRS, ids=name_of)
each_config = pytest.mark.parametrize(
    "path",
    [twin for pair in PAIRS for twin in (pair, twin_of(pair))],
    ids=lambda path: f"{path.parent.name}/{path.stem}",
)


@cache
def read(path: Path) -> Config:
    return read_config(path)


def model_of(config: Config) -> Any:
    """The model's part, without weights: nothing may be downloaded here."""
    model = copy.deepcopy(config.model)
    model.backbone.pop("init_cfg", None)
    model.pop("pretrained", None)
    if "weights" in model.backbone:
        model.backbone.weights = None
    return model


def build(model: Any) -> Any:
    init_default_scope("mmseg")
    return MODELS.build(copy.deepcopy(model))


def on_meta(model: Any) -> Any:
    """The model at full size, without storage."""
    with pytest.MonkeyPatch.context() as patch, torch.device("meta"):
        # Drop-path rates are read from these at once.
        patch.setattr(torch, "linspace", partial(torch.linspace, device="cpu"))
        return build(model).eval()


def shapes(model: Any) -> dict[str, tuple[int, ...]]:
    return {key: tuple(value.shape) for key, value in model.state_dict().items()}


def shared(model: Any) -> dict[str, tuple[int, ...]]:
    """What a twin has as well."""
    return {key: shape for key, shape in shapes(model).items() if not key.startswith("decode_head.conv_seg.")}


def shrunk(path: Path) -> Any:
    model = model_of(read(path))
    model.data_preprocessor.size = (SIDE, SIDE)
    backbone = model.backbone
    cut = SHRINK.get(backbone.type, SHRINK.get(backbone.get("name", ""), {}))
    model.backbone = Config._merge_a_into_b(copy.deepcopy(cut), backbone)
    for head in (model.decode_head, model.decode_head.get("first"), model.get("auxiliary_head")):
        if head and head.type in NARROW:
            head.update(NARROW[head.type])
    return model


def batch_of(classes: int) -> tuple[torch.Tensor, list[Any]]:
    """Two images, and labels in blocks of 8x8 with a void border."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(2, 3, SIDE, SIDE, generator=generator)
    labels = torch.randint(0, classes, (2, 1, SIDE // 8, SIDE // 8), generator=generator)
    labels = labels.repeat_interleave(8, dim=2).repeat_interleave(8, dim=3)
    labels[:, :, :4] = 255
    size = {"img_shape": (SIDE, SIDE), "ori_shape": (SIDE, SIDE)}
    return images, [SegDataSample(metainfo=size, gt_sem_seg=PixelData(data=each)) for each in labels]


def step(model: Segmentor, batch: Any) -> dict[str, torch.Tensor]:
    losses = model.train().loss(*batch)
    sum(value for name, value in losses.items() if "loss" in name).backward()
    model.em_step()
    return losses


def survives_saving(model: Segmentor, config: Any, images: torch.Tensor, folder: Path) -> bool:
    torch.save(model.state_dict(), folder / "model.pth")
    other = on_meta(config)  # nothing to start from but the file
    other.load_state_dict(torch.load(folder / "model.pth", weights_only=True), assign=True)
    with torch.no_grad():
        before, after = (each.eval()(images, mode="tensor") for each in (model, other))
    assert before.shape == (2, model.out_channels, *after.shape[2:])
    return torch.equal(before, after)


@each_pair
def test_both_twins_learn_and_survive_saving(path, tmp_path, monkeypatch):
    monkeypatch.setitem(ResNet.arch_settings, 50, ONE_BLOCK)
    models = {}
    for twin in (path, twin_of(path)):
        config = shrunk(twin)
        torch.manual_seed(0)
        model = models[twin] = build(config)
        batch = batch_of(model.num_classes)
        start = copy.deepcopy(model.classifier.state_dict())
        losses = step(model, batch)
        assert all(torch.isfinite(value).all() for value in losses.values())
        grads = {name: value.grad for name, value in model.named_parameters()}
        assert [name for name, grad in grads.items() if grad is None or not torch.isfinite(grad).all()] == []
        assert all((grad != 0).any() for name, grad in grads.items() if name.endswith("conv_seg.weight"))
        if isinstance(model.classifier, GMMClassifier):
            assert "decode.loss_component" in losses
            moved = model.classifier.state_dict()
            assert not torch.equal(moved["mixture.means"], start["mixture.means"])
        assert survives_saving(model, config, batch[0], tmp_path)
    gmm, softmax = models.values()
    assert gmm.generative
    assert not softmax.generative
    assert shared(gmm) == shared(softmax)


@pytest.mark.parametrize("path", FULL_SIZE, ids=name_of)
def test_full_size_fits_together(path):
    gmm, softmax = (on_meta(model_of(read(twin))) for twin in (path, twin_of(path)))
    height, width = softmax.data_preprocessor.size
    with torch.no_grad():
        logits = softmax(torch.empty(1, 3, height, width, device="meta"), mode="tensor")
    assert logits.shape[1] == softmax.num_classes
    assert shared(gmm) == shared(softmax)


@pytest.mark.filterwarnings("ignore:Default ``avg_non_ignore``:UserWarning")  # theirs; ours set it
@pytest.mark.parametrize("name", REFERENCES)
def test_has_the_parameters_of_mmsegmentation(name):
    """So that MMSegmentation's published numbers speak of this very model."""
    file, other = REFERENCES[name]
    reference = Config.fromfile(REFERENCE / file, import_custom_modules=False)
    reference.merge_from_dict(other)
    wanted = shapes(on_meta(model_of(reference)))
    if name == "ocrnet_hr48":  # a list of heads there, a head in a head here
        wanted = {
            key.replace("decode_head.0.", "decode_head.first.").replace("decode_head.1.", "decode_head."): shape
            for key, shape in wanted.items()
        }
    softmax = read(CONFIGS / "ade20k" / f"{name}_softmax.py")
    assert shapes(on_meta(model_of(softmax))) == wanted


def test_every_published_architecture_is_there_for_every_set():
    for folder in ("ade20k", "cityscapes", "coco_stuff10k", "camvid"):
        missing = [name for name in REFERENCES if not (CONFIGS / folder / f"{name}_gmm.py").is_file()]
        assert missing == []


def test_every_architecture_is_tried_at_full_size():
    assert {path.stem for path in PAIRS} <= {path.stem for path in FULL_SIZE}


@each_pair
def test_data_and_model_agree(path):
    config = read(path)
    data, model = config.train_dataloader.dataset, config.model
    assert data.name == config.evaluation.closed_set
    classes = len(closed_set(data.name).classes)
    heads = [head for head in (model.decode_head, model.get("auxiliary_head")) if head]
    assert [head.num_classes for head in heads] == [classes] * len(heads)
    (crop,) = [part.crop_size for part in data.pipeline if part.type == "RandomCrop"]
    assert crop == model.data_preprocessor.size
    assert config.train_dataloader.sampler.type in DATA_SAMPLERS
    if model.test_cfg.mode == "slide":
        assert model.test_cfg.crop_size == crop


@each_config
def test_a_number_that_was_not_measured_here_says_so(path):
    expected = read(path).get("expected")
    if expected and "tolerance" not in expected:  # a tolerance is what a run of ours has
        assert set(expected) == {"mIoU", "source"}
        assert "published, not re-run" in expected.source


def test_published_rates_reach_their_parameters():
    """The head learns ten times as fast as the backbone, whose norms do not decay."""
    config = read(CONFIGS / "ade20k" / "segformer_b0_gmm.py")
    model = build(shrunk(CONFIGS / "ade20k" / "segformer_b0_gmm.py"))
    groups = build_optim_wrapper(model, copy.deepcopy(config.optim_wrapper)).optimizer.param_groups
    names = [name for name, _ in model.named_parameters()]
    assert len(names) == len(groups)
    rates = {name: round(group["lr"] * 1e5, 6) for name, group in zip(names, groups, strict=True)}
    decays = {name: group["weight_decay"] for name, group in zip(names, groups, strict=True)}
    assert {rate for name, rate in rates.items() if name.startswith("decode_head.")} == {60.0}
    assert {rate for name, rate in rates.items() if name.startswith("backbone.")} == {6.0}
    assert {decay for name, decay in decays.items() if name.startswith("backbone.") and ".norm" in name} == {0.0}
    assert decays["backbone.layers.0.0.projection.weight"] == 0.01
