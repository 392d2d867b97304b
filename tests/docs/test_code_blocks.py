"""Every fenced block of the README and of docs/ is run, read as what it is, or says why it cannot be run.

Each page gets a folder that looks like a checkout whose owner has data: small CamVid and RoadAnomaly trees under
``data``, the project's configs with the CamVid twins in small, and trained twins with their results under ``runs``.
Its blocks are gone through in order, so that a page may go on with what it wrote:

- ``bash``: each line is a ``gmmbench`` command and ends with exit code 0, or with N and the text of the next block
  under ``<!-- exits with N and says -->``. ``CONFIG`` and ``CHECKPOINT`` stand for the GMM twin's, ``all`` scores for
  the fast ones. Above a block that cannot be run here, or that another page runs, stands ``<!-- not run: REASON -->``;
  its ``gmmbench`` commands are read by the real command line all the same, and the names in them looked up.
- ``python``: executed. A first line ``# some/file.py`` makes it that file: a config is built and run on an image, a
  module of gmmbench takes its place in the package, any other is imported.
- ``yaml`` with ``# datasets/NAME.yaml``: a card. ``diff``: lines added to a file of gmmbench, as they are then.
- ``text``: what is to be looked at, without commands.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gmmbench.cli import main
from gmmbench.data.registry import DATASETS, UNLABELLED, closed_set
from gmmbench.resources import CARDS, CONFIGS

ROOT = Path(__file__).parents[2]
STANDS_FOR = {"CONFIG": "configs/camvid/mobilenetv2_mlp_gmm.py", "CHECKPOINT": "runs/gmm/model.pth", "all": "fast"}
LANGUAGES = ("bash", "python", "yaml", "diff", "text")
KEYS_OF_A_CARD = {
    "name", "title", "task", "source", "licence", "frames_may_be_shown", "citation", "layout", "splits", "labels",
    "note",
}  # fmt: skip


def draw(path: Path, labels: Any = None) -> None:
    """A picture of 48x32 pixels, or of those labels."""
    rng = np.random.default_rng(len(path.name))
    noise = rng.integers(0, 256, (32, 48, 3)) if labels is None else labels
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(noise, dtype=np.uint8)).save(path)


@pytest.fixture(scope="session")
def checkout(
    tmp_path_factory: pytest.TempPathFactory,
    tiny: Callable[..., Path],
    tiny_checkpoint: Callable[..., Path],
    tiny_tree: Path,
) -> Path:
    """What every page finds in its folder."""
    folder, rng = tmp_path_factory.mktemp("checkout"), np.random.default_rng(4)
    shutil.copytree(CONFIGS, folder / "configs")
    shutil.copytree(CARDS, folder / "datasets")
    shutil.copytree(tiny_tree, folder / "data")
    camvid = folder / "data" / "CamVid"
    for split in ("val", "test"):
        names = [f"0001TP_{number:06d}.png" for number in range(2)]
        (camvid / f"{split}.txt").write_text("".join(f"{split}/{name} {split}annot/{name}\n" for name in names))
        for name in names:
            draw(camvid / split / name)
            draw(camvid / f"{split}annot" / name, np.kron(rng.integers(0, 12, (4, 6)), np.ones((8, 8))))
    road = folder / "data" / "RoadAnomaly_jpg"
    anomaly = np.zeros((32, 48))
    anomaly[8:24, 10:30] = 2
    for name in ("cow", "rock"):
        draw(road / "frames" / f"{name}.jpg")
        draw(road / "frames" / f"{name}.labels" / "labels_semantic.png", anomaly)
        draw(folder / "photos" / f"{name}.jpg")
        draw(folder / "masks" / f"{name}.png", anomaly / 2)
    for number in range(24):  # the pages' own sets
        split = "train" if number < 12 else "val" if number < 16 else "test"
        draw(folder / "data" / "Yard" / "images" / split / f"{number}.jpg")
        draw(folder / "data" / "Yard" / "labels" / split / f"{number}.png", rng.integers(0, 4, (32, 48)))
    for number in range(12):
        draw(folder / "data" / "LostCargo" / "images" / f"{number}.jpg")
        draw(folder / "data" / "LostCargo" / "masks" / f"{number}.png", anomaly / 2)
    (road / "frame_list.json").write_text('["cow.jpg", "rock.jpg"]')
    for kind in ("gmm", "softmax"):
        config = tiny(kind)
        config = Path(shutil.copy(config, folder / "configs" / "camvid" / f"mobilenetv2_mlp_{kind}.py"))
        (folder / "runs" / kind).mkdir(parents=True)
        shutil.copy(tiny_checkpoint(config), folder / "runs" / kind / "model.pth")
        what = [str(config), str(folder / "runs" / kind / "model.pth"), "--data-root", str(folder / "data")]
        assert main(["eval-closed", *what]) == 0
        scores = "gmm_lse,energy" if kind == "gmm" else "msp,energy"
        assert main(["eval-ood", *what, "--datasets", "camvid_ood,road_anomaly", "--scores", scores]) == 0
    return folder


@pytest.fixture
def elsewhere(checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of it as the current folder; what is imported from there is forgotten afterwards."""
    folder = tmp_path / "gmmbench"
    shutil.copytree(checkout, folder)
    monkeypatch.chdir(folder)
    monkeypatch.delenv("GMMBENCH_DATA", raising=False)
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setattr("gmmbench.data.cards.CARDS", folder / "datasets")
    before = set(sys.modules)
    yield folder
    for name in set(sys.modules) - before:
        if str(folder) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def run(command: list[str], arguments: list[str] | None, where: str, code: int) -> None:
    assert arguments is not None, f"{where}: only gmmbench can be run here: {command}; else say why it is not run"
    words = [STANDS_FOR.get(word, word) for word in arguments]
    if words[0] == "train" and code == 0:  # a page that trains does so from the start
        shutil.rmtree(words[words.index("--work-dir") + 1], ignore_errors=True)
    assert main(words) == code, f"{where}: gmmbench {' '.join(words)}"


def read(arguments: list[str], where: str, read_arguments: Callable[..., tuple[str, dict[str, Any]]]) -> None:
    """Parsed by the real command line, and the names in it looked up."""
    from gmmbench.metrics.protocols import PROTOCOLS
    from gmmbench.models.config import read_config
    from gmmbench.scores import choose
    from gmmbench.scores.score import FIELDS

    verb, given = read_arguments([STANDS_FOR.get(word, word) for word in arguments])
    for name in filter(None, (given.get("datasets") or "").split(",")):
        assert name in DATASETS or (name in UNLABELLED and verb == "export-scores"), f"{where}: no data set {name}"
    if given.get("closed"):
        closed_set(given["closed"])
    for key in ("scores", "score"):
        if given.get(key) and verb in ("eval-ood", "export-scores"):
            choose(given[key], FIELDS)
    assert given.get("protocol") in {None, *PROTOCOLS}, where
    config = Path(given.get("config") or "")
    if config.parts[:1] == ("configs",) and verb != "convert official":  # others are written by what cannot be run here
        assert config.is_file(), f"{where}: no config at {config}"
        if given.get("changes"):
            read_config(config, given["changes"])


def check_shell(command: list[str], where: str) -> None:
    """What is no command of ours, as far as this project decides it."""
    if command[0] == "make":
        assert f"\n{command[1]}:" in (ROOT / "Makefile").read_text(), f"{where}: no target {command[1]}"
    for extra in re.findall(r"\.\[(.+)\]", " ".join(command)):
        assert set(extra.split(",")) <= set(extras()), f"{where}: no extra {extra}"


def extras() -> list[str]:
    [listed] = re.findall(r"extras_require=\{(.*?)\}", (ROOT / "setup.py").read_text())
    return re.findall(r'"(\w+)":', listed)


def execute(file: str | None, code: str, names: dict[str, Any], where: str) -> None:
    if file is None:
        exec(compile(code, where, "exec"), names)
    elif file.startswith("configs/"):
        use_config(Path(file))
    else:
        name = file.removesuffix(".py").replace("/", ".")
        if not name.startswith("gmmbench."):
            importlib.import_module(name)
            return
        spec = importlib.util.spec_from_file_location(name, file)
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])


def use_config(config: Path) -> None:
    """Its model, with random weights, sees an image."""
    import torch
    from mmengine.registry import init_default_scope
    from mmseg.registry import MODELS

    from gmmbench.models.config import for_prediction, read_config

    init_default_scope("mmseg")
    settings = read_config(config)
    model = MODELS.build(for_prediction(settings.model)).eval()
    with torch.no_grad():
        classes = model.encode_decode(torch.zeros(1, 3, 64, 64), [{"img_shape": (64, 64), "ori_shape": (64, 64)}])
    assert classes.shape[1] == len(closed_set(settings.evaluation.closed_set).classes)


def apply(diff: str, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """Lines added to a module of gmmbench: its registries take over what they add."""
    lines = diff.splitlines()
    [path] = [line.removeprefix("+++ ") for line in lines if line.startswith("+++ ")]
    source = (ROOT / path).read_text()
    for hunk in diff.split("@@\n")[1:]:
        old = "".join(f"{line[1:]}\n" for line in hunk.splitlines() if not line.startswith("+"))
        new = "".join(f"{line[1:]}\n" for line in hunk.splitlines() if not line.startswith("-"))
        assert source.count(old) == 1, f"{where}: {path} has no such lines:\n{old}"
        source = source.replace(old, new)
    module = importlib.import_module(path.removesuffix(".py").replace("/", "."))
    for name in [name for name in sys.modules if name.startswith(f"{module.__package__}.")]:
        package, _, last = name.rpartition(".")
        if not hasattr(sys.modules[package], last):  # a file of the page, which nobody imported
            monkeypatch.setattr(sys.modules[package], last, sys.modules[name], raising=False)
    names: dict[str, Any] = {"__name__": module.__name__}
    exec(compile(source, path, "exec"), names)
    for name, registry in vars(module).items():
        if isinstance(registry, dict) and name.isupper():
            for key in names[name].keys() - registry.keys():
                monkeypatch.setitem(registry, key, adopted(names[name][key], module))


def adopted(entry: Any, module: Any) -> Any:
    """An entry of the executed copy as one of the module's own class: a copy has classes of its own."""
    kind = getattr(module, type(entry).__name__, None)
    return kind(**vars(entry)) if isinstance(kind, type) and kind is not type(entry) else entry


def test_a_page_does_what_it_says(
    blocks: list[Any],
    elsewhere: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    read_commands: Callable[..., Iterator[list[str]]],
    of_gmmbench: Callable[..., list[str] | None],
    read_arguments: Callable[..., tuple[str, dict[str, Any]]],
) -> None:
    names: dict[str, Any] = {"__name__": "a_page"}
    for block, following in zip(blocks, [*blocks[1:], None], strict=True):
        assert block.language in LANGUAGES, f"{block.where}: '{block.language}'; wanted one of {', '.join(LANGUAGES)}"
        if block.file is not None:
            Path(block.file).parent.mkdir(parents=True, exist_ok=True)
            Path(block.file).write_text(block.code + "\n", encoding="utf-8")
        if block.language == "bash":
            for command in read_commands(block.code):
                arguments = of_gmmbench(command)
                if block.not_run is None:
                    run(command, arguments, block.where, block.exits)
                elif arguments is None:
                    check_shell(command, block.where)
                else:
                    read(arguments, block.where, read_arguments)
            if block.exits:
                said = " ".join("".join(capsys.readouterr()).split())
                assert " ".join(following.code.split()) in said, f"{block.where}: {said}"
        elif block.language == "python":
            compile(block.code, block.where, "exec")
            if block.not_run is None:
                execute(block.file, block.code, names, block.where)
        elif block.language == "yaml":
            check_card(block)
        elif block.language == "diff":
            apply(block.code, monkeypatch, block.where)
        else:
            assert not re.search(r"^\s*(\$ )?gmmbench ", block.code, re.MULTILINE), f"{block.where}: say bash"


def check_card(block: Any) -> None:
    from gmmbench.data.cards import card

    assert block.file is not None, f"{block.where}: which file is it?"
    content = card(Path(block.file).stem)
    assert content.keys() >= KEYS_OF_A_CARD, f"{block.where}: no {KEYS_OF_A_CARD - content.keys()}"
