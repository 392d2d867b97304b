"""Reading a config, and what --set may change in it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gmmbench.errors import InputError
from gmmbench.models.config import config_sha256, read_config

TEXT = """
model = dict(type="Segmentor", decode_head=dict(channels=128))
train_cfg = dict(max_iters=10)
param_scheduler = [dict(type="LinearLR", end=5), dict(type="PolyLR", power=0.9)]
load_from = None
"""


@pytest.fixture
def write(tmp_path):
    def to(text: str, name: str = "config.py") -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return to


def test_base_files_are_merged(write):
    write(TEXT, "base.py")
    config = read_config(write('_base_ = "base.py"\nmodel = dict(decode_head=dict(channels=8))\n'))
    assert config.model.to_dict() == {"type": "Segmentor", "decode_head": {"channels": 8}}
    assert config.train_cfg.max_iters == 10


@pytest.mark.parametrize(
    "path", sorted((Path(__file__).parents[2] / "configs").glob("[!_]*/*.py")), ids=lambda p: p.stem
)
def test_the_projects_own_configs_are_whole(path):
    config = read_config(path)
    assert {"model", "train_dataloader", "train_cfg", "evaluation", "optim_wrapper"} <= set(config.keys())
    assert config.evaluation.closed_set == config.train_dataloader.dataset.name
    assert config.train_dataloader.dataset.pipeline[0].type == "LoadSample"


def test_missing(tmp_path):
    with pytest.raises(InputError, match=r"no config at .*none\.py; .*configs/"):
        read_config(tmp_path / "none.py")
    with pytest.raises(InputError, match="no config at"):
        read_config(tmp_path)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("model = dict(", "SyntaxError"),
        ("model = dict(type=Unknown)", "NameError"),
        ("model = 1 / 0", "ZeroDivisionError"),
        ('_base_ = "none.py"', "FileNotFoundError"),
    ],
)
def test_unusable(text, reason, write):
    with pytest.raises(InputError, match=rf"config\.py is not a usable config \({reason}"):
        read_config(write(text))


@pytest.mark.parametrize(("name", "text"), [("config.txt", TEXT), ("weights.pth", "PK"), ("list.json", "[1, 2]")])
def test_no_config_at_all(name, text, write):
    with pytest.raises(InputError, match="is not a usable config"):
        read_config(write(text, name))


def test_piece_of_a_config(write):
    with pytest.raises(InputError, match="no 'model'; wanted an experiment's config"):
        read_config(write("train_cfg = dict(max_iters=3)"))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("20", 20),
        ("1e-3", 1e-3),
        ("None", None),
        ("True", True),
        ("(3, 4)", (3, 4)),
        ("[1, 2]", [1, 2]),
        ("'20'", "20"),
        ("word", "word"),
        ("a/path-to it", "a/path-to it"),
        ("a=b", "a=b"),
        ("", ""),
    ],
)
def test_values(text, value, write):
    config = read_config(write(TEXT), [f"train_cfg.max_iters={text}"])
    assert config.to_dict()["train_cfg"]["max_iters"] == value


def test_later_overrides_win_and_lists_are_reached_by_number(write):
    config = read_config(write(TEXT), ["train_cfg.max_iters=1", "train_cfg.max_iters=2", "param_scheduler.1.power=2"])
    assert config.train_cfg.max_iters == 2
    assert [scheduler.type for scheduler in config.param_scheduler] == ["LinearLR", "PolyLR"]
    assert config.param_scheduler[1].power == 2


def test_new_last_key_and_top_level_key(write):
    config = read_config(write(TEXT), ["model.decode_head.dropout_ratio=0.5", "load_from=x.pth"])
    assert config.model.decode_head.dropout_ratio == 0.5
    assert config.load_from == "x.pth"


@pytest.mark.parametrize("override", ["train_cfg.max_iters", "=3", ""])
def test_override_that_is_none(override, write):
    with pytest.raises(InputError, match=f"--set wants key=value, got '{override}'"):
        read_config(write(TEXT), [override])


@pytest.mark.parametrize(
    ("override", "section", "known"),
    [
        ("tran_cfg.max_iters=3", "tran_cfg", "load_from, model, param_scheduler, train_cfg"),
        ("model.head.channels=3", "model.head", "decode_head, type"),
        ("model.decode_head.channels.x=3", "model.decode_head.channels", "channels"),
        ("param_scheduler.2.power=3", "param_scheduler.2", "0 to 1"),
        ("param_scheduler.last.power=3", "param_scheduler.last", "0 to 1"),
        ("model..channels=3", "model.", "decode_head, type"),
    ],
)
def test_unknown_section_lists_the_known(override, section, known, write):
    with pytest.raises(InputError, match=f"no section '{section}'; known here: {known}"):
        read_config(write(TEXT), [override])


@pytest.mark.parametrize("override", ["param_scheduler.power=3", "param_scheduler.7=3", "train_cfg.max_iters={'a': 1}"])
def test_value_that_does_not_fit(override, write):
    with pytest.raises(InputError, match=re.escape(f"--set {override} does not fit the config: ")):
        read_config(write(TEXT), [override])


def test_fingerprint_is_of_the_content(write):
    plain = config_sha256(read_config(write(TEXT)))
    reordered = "\n".join(reversed(TEXT.strip().splitlines()))
    spelt = TEXT.replace("dict(max_iters=10)", '{"max_iters": 5 + 5}  # half and half')
    for text in (reordered, spelt):
        assert config_sha256(read_config(write(text, "other.py"))) == plain
    assert len(plain) == 64
    assert int(plain, 16) >= 0
    changed = [["train_cfg.max_iters=11"], ["train_cfg.max_iters='10'"], ["load_from=x"], ["model.decode_head.y=None"]]
    assert len({plain, *(config_sha256(read_config(write(TEXT), change)) for change in changed)}) == 5
