"""Benchmarks at sizes that say nothing of speed: they run, and a rival that computes the same gives our numbers."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

pytest.importorskip("mmseg", reason="it builds SegFormer")


@pytest.fixture(autouse=True)
def as_before(monkeypatch):
    """Benchmarks are scripts: they import each other from their own folder and set torch's threads."""
    threads = torch.get_num_threads()
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "benchmarks"))
    yield
    torch.set_num_threads(threads)


def test_the_released_head_gives_our_numbers_and_all_tables_come(capsys):
    import head

    assert head.main(["--quick", "--threads", "1"]) == 0
    printed = capsys.readouterr().out
    assert "the same numbers" in printed
    for title in ("Inference, features", "extra peak memory", "Training side", "SegFormer-B0", "State at ADE20K"):
        assert title in printed


def test_what_evaluation_costs_is_printed(capsys, monkeypatch):
    import evaluate

    monkeypatch.setattr("sys.argv", ["evaluate.py", "--images", "1", "--rounds", "1", "--threads", "1"])
    evaluate.main()
    printed = capsys.readouterr().out
    for name in ("network", "predict", "fast (5 scores)", "post hoc (20 scores)"):
        assert name in printed


def test_memory_is_printed(capsys):
    import memory

    memory.run(3)
    assert "3 images, 7 scores" in capsys.readouterr().out
