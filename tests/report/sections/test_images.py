"""The images of an OOD set as blocks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gmmbench.errors import InputError
from gmmbench.report.blocks import Block, Code, Figure, Number, Paragraph, Table, Viewer, plain, walk
from gmmbench.report.figures import own_style
from gmmbench.report.material import material_of
from gmmbench.report.runs import load_runs
from gmmbench.report.sections.images import image_blocks
from gmmbench.results import RunFolder

EvaluatedRun = Callable[..., Path]


def blocks_of(tmp_path: Path, runs: list[Path], *, public: bool = False) -> list[Block]:
    figures = tmp_path / "figures"
    figures.mkdir(exist_ok=True)
    with own_style():
        return image_blocks(material_of(load_runs(runs), figures, public=public), "street_ood")


def table(blocks: list[Block], key: str) -> Table:
    return next(block for block in walk(blocks) if isinstance(block, Table) and block.key == key)


def words_of(blocks: list[Block]) -> str:
    return "\n".join(plain(block.words) for block in walk(blocks) if isinstance(block, Paragraph))


@pytest.fixture
def pair(evaluated_run: EvaluatedRun) -> list[Path]:
    gmm = evaluated_run("g", "gmm", {"neg_log_density": 1.0, "energy": 0.5}, images=4)
    return [gmm, evaluated_run("s", "softmax", {"energy": 0.8, "max_softmax": 0.4}, images=4)]


def test_the_viewer_has_every_stored_image_in_layers_of_one_size(tmp_path: Path, pair: list[Path]) -> None:
    [viewer] = [block for block in blocks_of(tmp_path, pair) if isinstance(block, Viewer)]
    assert [shot.name for shot in viewer.shots] == [f"street-00{number}" for number in range(4)]
    titles = [layer.title for layer in viewer.shots[0].layers]
    assert titles[:4] == ["image", "ground truth", "neg_log_density of gmm", "energy of softmax"]
    assert len(titles) == 6
    stored = dict(RunFolder(pair[0]).pictures("street_ood"))
    named = set()
    for shot in viewer.shots:
        for layer in shot.layers:
            named.add(layer.file)
            with Image.open(tmp_path / "figures" / layer.file) as picture:
                assert picture.format == "WEBP"
                assert picture.size == (180, 90)
                seen = np.asarray(picture.convert("RGB"))
            if layer.title == "ground truth":
                odd = (seen == (255, 176, 0)).all(axis=2)
                np.testing.assert_array_equal(odd, stored[shot.name]["labels"] == 1)
            if layer.title == "image":
                assert np.abs(seen.astype(int) - stored[shot.name]["image"]).mean() < 8
        assert "AP on this image, %: neg_log_density of gmm " in shot.note
    assert len(named) == 4 * 6
    assert viewer.page is not None
    assert viewer.page.files == ("pictures_street_ood.png",)
    assert "formula of energy" in plain(viewer.caption)


def test_a_prediction_is_a_layer_of_its_model(tmp_path: Path, write_run: EvaluatedRun) -> None:
    runs = [write_run("g", "gmm", {"neg_log_density": 1.0}), write_run("s", "soft", {"energy": 1.0})]
    [viewer] = [block for block in blocks_of(tmp_path, runs) if isinstance(block, Viewer)]
    titles = [layer.title for layer in viewer.shots[0].layers]
    assert titles[2:4] == ["prediction of gmm", "prediction of soft"]
    assert viewer.shots[0].note == "", "older run folders keep no counts of images"


def test_worst_and_best_images_and_failures_in_numbers(tmp_path: Path, pair: list[Path]) -> None:
    blocks = blocks_of(tmp_path, pair)
    extremes = table(blocks, "extremes_street_ood")
    rows = [row for row in extremes.rows if row[:2] == ("gmm", Code("neg_log_density"))]
    assert [row[2] for row in rows] == ["lowest", "lowest", "highest", "highest"]
    values = [cell.value for row in rows if isinstance(cell := row[4], Number)]
    assert values[0] <= values[1] <= values[3] <= values[2]
    assert {row[3] for row in rows} == {f"street 00{number}" for number in range(4)}
    failures = table(blocks, "failures_street_ood")
    assert {row[2] for row in failures.rows} == {"highest-scored IN region", "missed object"}
    assert [block.key for block in blocks if isinstance(block, Figure)] == ["failures_street_ood"]


def test_a_public_report_shows_no_frame_that_it_may_not(tmp_path: Path, evaluated_run: EvaluatedRun) -> None:
    facts = {"name": "street_ood", "frames_may_be_shown": False}
    run = evaluated_run("r", "model", {"energy": 1.0}, facts=facts)
    blocks = blocks_of(tmp_path, [run], public=True)
    assert list((tmp_path / "figures").iterdir()) == []
    assert not [block for block in walk(blocks) if isinstance(block, (Figure, Viewer))]
    assert "its terms do not allow its frames to be shown in public" in words_of(blocks)
    assert table(blocks, "failures_street_ood").rows, "names and numbers are no frames"
    assert list(blocks_of(tmp_path, [run])) != blocks
    assert list((tmp_path / "figures").iterdir())


def test_an_image_that_a_model_lacks_is_left_out_with_a_note(tmp_path: Path, pair: list[Path]) -> None:
    next((pair[1] / "pictures" / "street_ood").glob("00_*")).unlink()
    blocks = blocks_of(tmp_path, pair)
    [viewer] = [block for block in blocks if isinstance(block, Viewer)]
    assert [shot.name for shot in viewer.shots] == ["street-001", "street-002", "street-003"]
    assert "Image street-000 is left out: no picture of softmax." in words_of(blocks)


def test_an_older_run_folder_says_what_it_lacks(tmp_path: Path, write_run: EvaluatedRun) -> None:
    blocks = blocks_of(tmp_path, [write_run("r", "model", {"energy": 1.0}, pictures=False)])
    assert "No pictures were stored." in words_of(blocks)
    assert "No failures were kept" in words_of(blocks)
    assert not [block for block in walk(blocks) if isinstance(block, Table)]


def test_damaged_failures_are_named(tmp_path: Path, evaluated_run: EvaluatedRun) -> None:
    run = evaluated_run("r", "model", {"energy": 1.0})
    (run / "failures" / "street_ood" / "energy.npz").write_bytes(b"garbage")
    with pytest.raises(InputError, match=r"failures/street_ood/energy\.npz is damaged"):
        blocks_of(tmp_path, [run])
