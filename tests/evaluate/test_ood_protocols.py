"""Each protocol, run through the loop, against its accumulator and the component metrics asked directly."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from gmmbench.errors import InputError
from gmmbench.evaluate import Measure
from gmmbench.labels import IGNORE, IN, OOD, Sample
from gmmbench.metrics.accumulate import Accumulator
from gmmbench.metrics.bootstrap import mean_interval
from gmmbench.metrics.components import COMPONENT_READINGS, ComponentRules, count_components
from gmmbench.metrics.protocols import PROTOCOLS, Protocol
from gmmbench.results import IMAGE_MEAN, Row
from gmmbench.scores import SCORES

Run = Callable[..., list[Row]]
RULES = ComponentRules(smallest_predicted=4, smallest_truth=3, name="tiny")


def at_size(sample: Sample, protocol: Protocol) -> Sample:
    """As torchvision's Resize of PIL images brings image and labels to a size."""
    if protocol.size is None:
        return sample
    size = protocol.size[::-1]
    image = Image.fromarray(sample.image).resize(size, Image.Resampling.BILINEAR)
    labels = Image.fromarray(sample.labels).resize(size, Image.Resampling.NEAREST)
    return Sample(sample.name, np.asarray(image), np.asarray(labels))


@pytest.fixture
def images(images_of: Any) -> list[Sample]:
    """Blobs of anomalies, and void; coarse, so that scores tie."""
    found = []
    for sample in images_of([IN, IN, OOD, IGNORE], [(6, 8)] * 5):
        grown = [cv2.resize(part, (32, 24), interpolation=cv2.INTER_NEAREST) for part in (sample.image, sample.labels)]
        found.append(Sample(sample.name, *grown))
    return found


def scored(model: Any, images: list[Sample], protocol: Protocol) -> list[tuple[NDArray[np.float32], Sample]]:
    seen = [at_size(sample, protocol) for sample in images]
    return [(SCORES["energy"](model(sample.image)).numpy(), sample) for sample in seen]


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("name", PROTOCOLS)
def test_each_protocol_gives_what_its_accumulator_gives(
    tmp_path: Path, images: list[Sample], run_ood: Run, fake_model: Any, name: str, exact: bool
) -> None:
    protocol = PROTOCOLS[name]
    images = images[:3] if protocol.size is not None else images
    rows = run_ood(tmp_path, images, scores=["energy"], measure=Measure(protocol, exact))
    direct = Accumulator(protocol, exact)
    for scores, sample in scored(fake_model(), images, protocol):
        direct.add(scores, sample.labels, sample.name)
    found = {row.metric: row for row in rows}
    for metric, value in direct.values().items():
        assert found[metric].value == value, metric
        assert found[metric].low <= found[metric].value + 1e-9, metric
        assert found[metric].high >= found[metric].value - 5e-3, metric
    if protocol.per_image:
        assert set(found) == set(protocol.readings)
        for metric, own in direct.image_values.items():
            assert (found[metric].low, found[metric].high) == mean_interval(np.array(own))[:2]
    else:
        headline = {f"{metric}{IMAGE_MEAN}" for metric, reading in protocol.readings.items() if reading.headline}
        assert set(found) == set(protocol.readings) | headline


@pytest.mark.parametrize("name", ["gmmbench", "smiyc"])
def test_component_metrics_are_counted_at_the_threshold_of_the_best_f1(
    tmp_path: Path, images: list[Sample], run_ood: Run, fake_model: Any, name: str
) -> None:
    protocol = PROTOCOLS[name]
    rows = run_ood(tmp_path, images, scores=["energy", "msp"], measure=Measure(protocol, rules=RULES))
    found = {row.metric: row for row in rows if row.score == "energy"}
    total: Any = None
    for scores, sample in scored(fake_model(), images, protocol):
        rounded = scores.astype(np.float16).astype(np.float32) if name == "smiyc" else scores
        counts = count_components(rounded >= found["F1 threshold"].value, sample.labels, RULES)
        total = counts if total is None else total + counts
    assert total.truths > 5
    assert total.predictions > 2
    for metric, reading in COMPONENT_READINGS.items():
        assert found[metric].value == pytest.approx(float(reading.read(total.to_vector())), rel=1e-12)
        assert found[metric].low <= found[metric].value <= found[metric].high
    kept = np.load(tmp_path / "counts" / "streets" / "energy.components.npz")["vectors"]
    np.testing.assert_allclose(kept.sum(axis=0), total.to_vector())
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == [], "the maps are gone"


def test_an_image_that_a_protocol_refuses_stops_all(tmp_path: Path, images_of: Any, run_ood: Run) -> None:
    images = [*images_of([IN, OOD], [(5, 5)] * 2), *images_of([IN], [(5, 5)])]
    images = [Sample(f"frame {number}", sample.image, sample.labels) for number, sample in enumerate(images)]
    with pytest.raises(InputError, match="image 'frame 2': no OOD pixel; protocol 'pytorch-ood' refuses"):
        run_ood(tmp_path, images, measure=Measure(PROTOCOLS["pytorch-ood"]))
    assert list(tmp_path.iterdir()) == []


def test_an_image_that_a_protocol_skips_is_not_counted(
    tmp_path: Path, images: list[Sample], run_ood: Run, values: Any
) -> None:
    images = images[:2]
    empty = Sample("empty", images[0].image[::-1].copy(), np.zeros((24, 32), dtype=np.uint8))
    measure = Measure(PROTOCOLS["polito"], rules=RULES)
    some = run_ood(tmp_path / "some", [images[0], empty, images[1]], scores=["msp"], measure=measure)
    few = run_ood(tmp_path / "few", images, scores=["msp"], measure=measure)
    assert values(some) == values(few)
    assert {(row.counts["images"], row.counts["images_counted"]) for row in some} == {(3, 2)}
    assert some[0].counts["pixels_in"] == few[0].counts["pixels_in"]
