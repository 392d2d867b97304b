"""The authors' checkpoints: names and shapes as their code saves them, written down here from that code.

github.com/leonnnop/GMMSeg, commit 74f882e, mmseg/models: backbones/mit.py, decode_heads/gmmseg_head.py and
segformer_gmmseg_head.py.
"""

from __future__ import annotations

import os
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.config import Config
from torch import Tensor

from gmmbench.cli import main
from gmmbench.data.registry import CLOSED_SETS
from gmmbench.errors import InputError
from gmmbench.gmm import GMMClassifier
from gmmbench.gmm.memory import StreamingMemory
from gmmbench.models.config import read_config
from gmmbench.models.official import PUBLISHED_SETS, Shape, convert_official, make_config, rename
from gmmbench.models.predictor import load_predictor

HEADS, PATCHES, REDUCTIONS = (1, 2, 5, 8), (7, 3, 3, 3), (8, 4, 2, 1)
B0 = (32, (2, 2, 2, 2))
GOLDEN = Path(os.environ.get("GMMBENCH_GOLDEN") or Path(__file__).parents[1] / "golden" / "gmmseg_released.npz")


def affine(name: str, *shape: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": shape, f"{name}.bias": shape[:1]}


def conv_module(name: str, before: int, after: int) -> dict[str, tuple[int, ...]]:
    shapes = {f"{name}.conv.weight": (after, before, 1, 1)} | affine(f"{name}.bn", after)
    shapes |= {f"{name}.bn.running_mean": (after,), f"{name}.bn.running_var": (after,)}
    return shapes | {f"{name}.bn.num_batches_tracked": ()}


def backbone(width: int, depths: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    shapes, before = {}, 3
    for stage, (depth, heads, patch, reduce) in enumerate(zip(depths, HEADS, PATCHES, REDUCTIONS, strict=True)):
        name, wide = f"backbone.layers.{stage}", width * heads
        shapes |= affine(f"{name}.0.projection", wide, before, patch, patch) | affine(f"{name}.0.norm", wide)
        for number in range(depth):
            block = f"{name}.1.{number}"
            shapes |= affine(f"{block}.norm1", wide) | affine(f"{block}.norm2", wide)
            shapes |= {f"{block}.attn.attn.in_proj_weight": (3 * wide, wide)}
            shapes |= {f"{block}.attn.attn.in_proj_bias": (3 * wide,)}
            shapes |= affine(f"{block}.attn.attn.out_proj", wide, wide)
            if reduce > 1:
                shapes |= affine(f"{block}.attn.sr", wide, wide, reduce, reduce) | affine(f"{block}.attn.norm", wide)
            shapes |= affine(f"{block}.ffn.layers.0", 4 * wide, wide, 1, 1)
            shapes |= affine(f"{block}.ffn.layers.1", 4 * wide, 1, 3, 3)
            shapes |= affine(f"{block}.ffn.layers.4", wide, 4 * wide, 1, 1)
        shapes |= affine(f"{name}.2", wide)
        before = wide
    return shapes


def head(width: int, channels: int, classes: int, components: int, dim: int) -> dict[str, tuple[int, ...]]:
    mixture = (classes, components, dim)
    shapes = affine("conv_seg", classes, channels, 1, 1)
    for number, heads in enumerate(HEADS):
        shapes |= conv_module(f"convs.{number}", width * heads, channels)
    shapes |= conv_module("fusion_conv", 4 * channels, channels)
    if channels != dim:
        shapes |= conv_module("projection", channels, dim)
    shapes |= affine("feat_norm", dim) | affine("mask_norm", classes)
    shapes |= {"means": mixture, "diagonal": mixture, "eye_matrix": (dim,), "iteration_counter": (1,)}
    shapes |= {"queue": (classes * components, dim, 7), "queue_ptr": (classes * components,)}
    return {f"decode_head.{name}": shape for name, shape in shapes.items()}


def released(
    size: tuple[int, tuple[int, ...]] = B0,
    *,
    channels: int = 16,
    classes: int = 11,
    components: int = 3,
    dim: int = 8,
) -> OrderedDict[str, Tensor]:
    """A state dict as MMSegmentation 0.22 saves it, of random numbers."""
    generator = torch.Generator().manual_seed(0)
    state = OrderedDict()
    for key, shape in (backbone(*size) | head(size[0], channels, classes, components, dim)).items():
        values = 0.2 * torch.randn(shape, generator=generator)
        state[key] = 0.1 + values.abs() if key.endswith(("running_var", "diagonal")) else values
        if key.endswith(("num_batches_tracked", "queue_ptr")):
            state[key] = torch.full(shape, 7)
    state["decode_head.iteration_counter"] = torch.tensor([80000.0])
    state._metadata = OrderedDict({"": {"version": 1}})  # type: ignore[attr-defined]
    return state


@pytest.fixture
def save(tmp_path):
    """Write a checkpoint with the notes that MMCV 1.x and MMSegmentation 0.22 put beside the weights."""

    def write(state: dict[str, Tensor], **meta: Any) -> Path:
        notes = {"mmcv_version": "1.6.2", "config": "model = dict()", "CLASSES": ("a", "b"), "PALETTE": [[1, 2, 3]]}
        path = tmp_path / "released.pth"
        torch.save({"meta": notes | meta, "state_dict": state, "optimizer": {"state": {}}}, path)
        return path

    return write


@pytest.fixture
def small(tmp_path):
    """The config of a model far smaller than MiT-B0, for --config; with changes."""

    def write(**classifier: Any) -> Path:
        config = make_config(Shape(*B0, 16, 11, 3, 8), Path("none"))
        config.model.backbone.update(embed_dims=4, num_layers=[1, 2, 1, 1])
        config.model.decode_head.in_channels = [4, 8, 20, 32]
        config.model.classifier.update(classifier)
        path = tmp_path / "small.py"
        config.dump(path)
        return path

    return write


TINY = (4, (1, 2, 1, 1))


def test_the_command(save, tmp_path, capsys):
    """MiT-B0 of the released names to a checkpoint and a config that predict."""
    state, out = released(), tmp_path / "made" / "b0.pth"
    assert main(["convert", "official", str(save(state)), str(out)]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    lines = printed.out.splitlines()
    assert lines[0] == "MiT B0, decoder of 16 channels, 11 classes, 3 components each, 8 dimensions"
    assert "decode_head.diagonal -> decode_head.conv_seg.mixture.covariance.variances" in lines
    assert "decode_head.queue dropped: EM's memory, which only training reads" in lines
    assert lines[-2:] == [f"wrote {out}", f"wrote {out.with_suffix('.py')}"]
    assert sorted(path.name for path in out.parent.iterdir()) == ["b0.pth", "b0.py"]

    predictor = load_predictor(out.with_suffix(".py"), out, device="cpu")
    assert (predictor.closed_set, predictor.num_classes, predictor.short_side) == ("camvid", 11, 480)
    assert isinstance(predictor.model.classifier.memory, StreamingMemory), "the released one takes gigabytes"
    image = np.random.default_rng(0).integers(0, 256, (40, 56, 3), dtype=np.uint8)
    prediction = predictor(image)
    assert prediction.logits.shape == prediction.density.shape == (11, 40, 56)
    assert torch.isfinite(prediction.density).all()
    assert main(["convert", "official", str(save(state)), str(out)]) == 0, "again, over what it wrote"


def test_values(save, small, tmp_path):
    state = released(TINY)
    convert_official(save(state), tmp_path / "out.pth", small())
    made = torch.load(tmp_path / "out.pth", weights_only=True)
    ours = "decode_head.conv_seg."
    assert torch.equal(made[f"{ours}mixture.means"], state["decode_head.means"])
    deviations = made[f"{ours}mixture.covariance.variances"].sqrt().view(11, 3, 8)
    torch.testing.assert_close(deviations, state["decode_head.diagonal"])
    assert made[f"{ours}mixture.started"].all()
    assert made[f"{ours}step"].dtype == torch.int64
    assert made[f"{ours}step"] == 80000
    assert not [key for key in made if "queue" in key or "memory" in key or "eye_matrix" in key]
    for key, value in state.items():
        if not key.startswith("decode_head.") or "convs." in key or "fusion_conv" in key:
            assert torch.equal(made[key], value)
    whole = sum(value.nbytes for value in made.values())
    assert (tmp_path / "out.pth").stat().st_size < whole + 200_000, "the file's other tensors do not come along"


def test_decoder_without_projection(save, tmp_path):
    out = tmp_path / "out.pth"
    convert_official(save(released(channels=8)), out)
    assert load_predictor(out.with_suffix(".py"), out, device="cpu").model.classifier.options.dim == 8


@pytest.mark.parametrize("classes", [19, 150, 171, 11])
@pytest.mark.parametrize(("width", "depths", "name"), [(*B0, "b0"), (64, (3, 6, 40, 3), "b5")])
def test_config_by_number_of_classes(classes, width, depths, name, configs):
    made = make_config(Shape(width, depths, 768, classes, 5, 64), Path("released.pth"))
    closed = next(key for key in PUBLISHED_SETS if len(CLOSED_SETS[key].classes) == classes)
    own = read_config(configs / closed / f"segformer_{name}_gmm.py")
    assert made.evaluation == own.evaluation
    assert made.evaluation.closed_set == closed
    assert made.model.test_cfg == own.model.test_cfg
    assert (made.model.test_cfg.mode == "slide") == (closed == "cityscapes")
    assert made.model.classifier == {"preset": "official", "components": 5, "dim": 64}
    assert (made.model.backbone.embed_dims, tuple(made.model.backbone.num_layers)) == (width, depths)
    assert (made.model.decode_head.channels, made.model.decode_head.num_classes) == (768, classes)
    assert "init_cfg" not in made.model.backbone
    assert "train_dataloader" not in made


def refused(checkpoint: Path, out: Path, config: Path | None = None) -> str:
    before = sorted(out.parent.rglob("*"))
    with pytest.raises(InputError) as caught:
        convert_official(checkpoint, out, config)
    assert sorted(out.parent.rglob("*")) == before, "nothing is written"
    return str(caught.value)


def test_missing_and_unexpected_keys_are_all_listed(save, tmp_path):
    state = released()
    gone = [
        "backbone.layers.1.1.0.attn.sr.weight", "decode_head.convs.2.bn.bias", "decode_head.projection.bn.running_var",
    ]  # fmt: skip
    for key in gone:
        del state[key]
    state["decode_head.extra"] = state["auxiliary_head.conv_seg.weight"] = torch.zeros(3)
    said = refused(save(state), tmp_path / "out.pth")
    assert f"3 missing: {', '.join(gone)}" in said
    assert "2 unexpected: auxiliary_head.conv_seg.weight, decode_head.extra" in said


def test_sizes_that_disagree_are_listed(save, tmp_path):
    state = released()
    state["decode_head.diagonal"] = torch.ones(11, 3, 5)
    state["decode_head.feat_norm.weight"] = torch.ones(5)
    said = refused(save(state), tmp_path / "out.pth")
    assert "2 of another shape" in said
    assert "decode_head.diagonal (11, 3, 5), wanted (11, 3, 8)" in said
    assert "decode_head.feat_norm.weight (5,), wanted (8,)" in said


def test_another_model_is_refused(save, small, tmp_path, capsys):
    softmax = {"backbone.layers.0.0.projection.weight": torch.ones(3), "decode_head.conv_seg.weight": torch.ones(3)}
    said = refused(save(softmax), tmp_path / "out.pth")
    assert "is no released GMMSeg-SegFormer: missing decode_head.fusion_conv.conv.weight, backbone.layers.0.1.*" in said
    assert "decode_head.diagonal, " in said
    assert "decode_head.means; wanted" in said
    said = refused(save(released(classes=7)), tmp_path / "out.pth")
    assert "has 7 classes, those of no closed set here: 19 (cityscapes), 150 (ade20k), 171 (coco_stuff10k)" in said
    said = refused(save(released(TINY)), tmp_path / "out.pth")
    assert "width 4 and depths (1, 2, 1, 1); known: 32 and (2, 2, 2, 2) (B0)" in said
    missing_block = {key: value for key, value in released().items() if "layers.2.1.1." not in key}
    assert "depths (2, 2, 1, 2)" in refused(save(missing_block), tmp_path / "out.pth")
    flat = released() | {"decode_head.means": torch.ones(33, 8)}
    assert "decode_head.means is (33, 8); wanted (C, M, D)" in refused(save(flat), tmp_path / "out.pth")
    broken = released() | {"decode_head.means": torch.full((11, 3, 8), torch.nan)}
    assert "1 not finite: decode_head.means" in refused(save(broken), tmp_path / "out.pth")
    assert main(["convert", "official", str(tmp_path / "none.pth"), "out.pth"]) == 2
    assert "no checkpoint at" in capsys.readouterr().err


def test_against_a_config(save, small, tmp_path, configs):
    path, out = save(released(TINY)), tmp_path / "out.pth"
    config = small()
    made = convert_official(path, out, config)
    assert (made.config, made.written) == (config, False)
    assert not out.with_suffix(".py").exists()
    load_predictor(config, out, device="cpu")
    assert "decode_head.means (11, 3, 8), wanted (11, 4, 8)" in refused(path, out, small(components=4))
    said = refused(path, out, small(class_density="mixture", relu=False))
    assert "is not the released one: relu False instead of True, class_density 'mixture' instead of 'best'" in said
    said = refused(path, out, small(dim=12))
    assert "decode_head.feat_norm.bias (8,), wanted (12,)" in said
    assert "decode_head.diagonal (11, 3, 8), wanted (11, 3, 12)" in said
    softmax = refused(path, out, configs / "camvid" / "segformer_b0_softmax.py")
    assert "has no GMM classifier" in softmax


def test_where_it_may_write(save, tmp_path):
    path = save(released())
    for out in (path, tmp_path / "config.py", tmp_path):
        with pytest.raises(InputError, match="cannot write weights to"):
            convert_official(path, out)
    (tmp_path / "mine.py").write_text("# a config of mine\n")
    assert "mine.py is there already" in refused(path, tmp_path / "mine.pth")
    assert (tmp_path / "mine.py").read_text() == "# a config of mine\n"


class Malicious:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.path,)


def test_numpy_values_beside_the_weights_are_skipped_and_code_refused(save, small, tmp_path):
    """MMCV 1.x notes the best mIoU as numpy computed it; numpy 1 calls its modules otherwise than numpy 2."""
    notes = {"best": np.float64(0.44), "seed": np.int64(3), "PALETTE": np.zeros((2, 3)), "names": np.array(["a"])}
    path, config = save(released(TINY), hook_msgs=notes), small()
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    assert sum(b"numpy._core" in part for part in parts.values()) == 1
    convert_official(path, tmp_path / "two.pth", config)
    with zipfile.ZipFile(path, "w") as archive:
        for name, part in parts.items():
            archive.writestr(name, part.replace(b"numpy._core.multiarray", b"numpy.core.multiarray"))
    convert_official(path, tmp_path / "one.pth", config)
    assert (tmp_path / "one.pth").stat().st_size == (tmp_path / "two.pth").stat().st_size

    trace = tmp_path / "code_ran"
    assert "could run code on loading" in refused(
        save(released(TINY), note=Malicious(trace)), tmp_path / "o.pth", config
    )
    assert not trace.exists()


def cases() -> list[str]:
    with np.load(GOLDEN) as arrays:
        return sorted({name.split("/")[0] for name in arrays.files})


@pytest.mark.parametrize("case", cases())
def test_predicts_what_the_released_head_predicts(case):
    with np.load(GOLDEN) as arrays:
        part = {key.removeprefix(f"{case}/"): torch.from_numpy(arrays[key]) for key in arrays if key.startswith(case)}
    head = {f"decode_head.{key.removeprefix('final/')}": part[key] for key in part if key.startswith("final/")}
    state, _, dropped = rename(head)
    assert sorted(dropped) == ["decode_head.eye_matrix", "decode_head.queue", "decode_head.queue_ptr"]
    classes, components, dim = head["decode_head.means"].shape
    classifier = GMMClassifier(
        part["eval/input"].shape[1], classes, "official", components=components, dim=dim, memory="streaming"
    ).eval()
    ours = {key.removeprefix("decode_head.conv_seg."): value for key, value in state.items()}
    unknown = classifier.load_state_dict(ours, strict=False)
    assert not unknown.unexpected_keys
    assert all(key.startswith("memory.") for key in unknown.missing_keys)
    with torch.no_grad():
        logits = classifier(part["eval/input"])
    torch.testing.assert_close(logits, part["eval/logits"], rtol=0, atol=1e-4)


def test_the_config_reads_as_it_was_written(save, tmp_path):
    out = tmp_path / "out.pth"
    convert_official(save(released()), out)
    text = out.with_suffix(".py").read_text()
    assert text.startswith("# How to evaluate out.pth")
    made = Config.fromfile(out.with_suffix(".py"))
    assert made.to_dict() == make_config(Shape(*B0, 16, 11, 3, 8), out).to_dict()
