"""Shell completion: what bash is given, and that it comes from files alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gmmbench import completion
from gmmbench.data.registry import CLOSED_SETS, DATASETS, UNLABELLED
from gmmbench.data.synth.blending import BLENDS
from gmmbench.gmm.covariance import COVARIANCES
from gmmbench.metrics.protocols import PROTOCOLS
from gmmbench.models.launch import LAUNCHERS
from gmmbench.resources import CONFIGS
from gmmbench.score_maps import FORMS
from gmmbench.scores import FITTED, SCORES
from gmmbench.verbs.closed import SPLITS

ROOT = Path(__file__).resolve().parent.parent
HEAVY = {"torch", "numpy", "pandas", "cv2", "PIL", "yaml", "mmengine", "gmmbench.data", "gmmbench.scores"}


def names(pairs: list[tuple[str, str]]) -> list[str]:
    return [name for name, _ in pairs]


def test_every_list_is_that_of_its_registry() -> None:
    assert set(completion.PROTOCOLS) == set(PROTOCOLS)
    assert set(completion.SPLITS) == set(SPLITS)
    assert set(completion.COVARIANCES) == set(COVARIANCES)
    assert set(completion.LAUNCHERS) == set(LAUNCHERS)
    assert set(completion.MAP_FORMS) == {*FORMS, "smiyc"}
    assert set(completion.BLENDS) == set(BLENDS)


def test_names_read_from_files_are_those_of_the_registries() -> None:
    assert names(completion.data_sets("")) == sorted({*CLOSED_SETS, *DATASETS, *UNLABELLED})
    assert names(completion.closed_sets("")) == sorted(CLOSED_SETS)
    assert names(completion.ood_sets("")) == sorted({*DATASETS, *UNLABELLED})
    formulas = {name: score.formula for name, score in {**SCORES, **FITTED}.items()}
    assert dict(completion.one_score("")) == formulas


def test_lists_go_on_behind_a_comma_and_name_nothing_twice() -> None:
    assert names(completion.ood_sets("camvid_ood,road_anomaly2")) == [
        "camvid_ood,road_anomaly21", "camvid_ood,road_anomaly21_test",
    ]  # fmt: skip
    assert names(completion.scores("gmm_max,gmm_m")) == []
    assert "fast" in names(completion.scores(""))
    assert names(completion.scores("msp,fa")) == [], "a group is no part of a list"


def test_configs_are_named_as_a_person_here_would(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(CONFIGS.parent)
    here = names(completion.configs("configs/camvid/mobile"))
    assert "configs/camvid/mobilenetv2_mlp_gmm.py" in here
    assert all(Path(name).is_file() for name in here)
    assert not any("_base_" in name for name in names(completion.configs("")))
    monkeypatch.chdir(tmp_path)
    assert names(completion.configs("")) == [str(CONFIGS.parent / name) for name in _from_root()]


def _from_root() -> list[str]:
    files = sorted(file for file in CONFIGS.glob("*/*.py") if file.parent.name != "_base_")
    return [str(file.relative_to(CONFIGS.parent)) for file in files]


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("gmmbench eval-o", {"eval-ood"}),
        ("gmmbench eval-ood --datas", {"--datasets"}),
        ("gmmbench eval-ood --datasets camvid_ood,road_anomaly2",
         {"camvid_ood,road_anomaly21", "camvid_ood,road_anomaly21_test"}),
        ("gmmbench eval-ood --scores msp,ener", {"msp,energy"}),
        ("gmmbench eval-ood --protocol pe", {"pebal"}),
        ("gmmbench data check camvid_", {"camvid_ood"}),
        ("gmmbench train configs/street/fastscnn_g", {"configs/street/fastscnn_gmm.py"}),
    ],
)  # fmt: skip
def test_bash_is_given_names_and_nothing_heavy_is_loaded(line: str, wanted: set[str]) -> None:
    program = (
        "import atexit, json, sys\n"
        "atexit.register(lambda: print(json.dumps(sorted(sys.modules)), file=sys.stderr))\n"
        "from gmmbench.cli import main\n"
        "main([])"
    )
    words = line.split(" ")
    asked = {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1), "_GMMBENCH_COMPLETE": "complete_bash"}
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=os.environ | asked, capture_output=True, text=True, timeout=120,
        check=True,
    )  # fmt: skip
    assert set(ran.stdout.split()) == wanted
    assert HEAVY & set(json.loads(ran.stderr.splitlines()[-1])) == set()
