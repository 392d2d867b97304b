"""The only loop over an OOD set: ask once for all score maps of an image, count them all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from gmmbench.evaluate.failures import Failures
from gmmbench.evaluate.pictures import Gallery
from gmmbench.evaluate.reading import ImageSet, Progress, number_of, read_ahead
from gmmbench.evaluate.sources import Scored, Source, sized
from gmmbench.evaluate.tally import Tally, Values
from gmmbench.labels import Sample
from gmmbench.metrics.components import ComponentRules
from gmmbench.metrics.protocols import PROTOCOLS, Protocol
from gmmbench.results import Row, RunFolder, Staging, staging

PER_SCORE = ("scores", "fitted", "models")
"""Keys of a provenance with an entry for each score: a row carries its own alone."""


@dataclass(frozen=True)
class Measure:
    """How score maps are measured.

    Attributes:
        protocol: whose definitions.
        exact: every score is kept, 4 bytes a pixel, and sorted, instead of being counted in bins.
        rules: of component metrics; ``None``: none.
        limit: at most so many images, the first ones.
    """

    protocol: Protocol = PROTOCOLS["gmmbench"]
    exact: bool = False
    rules: ComponentRules | None = None
    limit: int | None = None


def evaluate_ood(
    source: Source,
    images: ImageSet,
    families: Mapping[str, str],
    *,
    folder: RunFolder,
    run: str,
    dataset: str,
    provenance: dict[str, Any],
    measure: Measure = Measure(),
    progress: Progress | None = None,
) -> list[Row]:
    """Every score and every metric of one OOD set, each image seen once.

    Rows, counts, a few pictures and the worst failures replace what ``folder`` held of this data set, once all is done.

    Args:
        source: an image to its score maps, see ``gmmbench.evaluate.sources``.
        families: the scores that the source gives, and the family of each, see ``Row``.

    Raises:
        InputError: data that cannot be read, or a score that is NaN; names the image. Nothing is written then.
    """
    total = number_of(images, measure.limit)
    gallery, failures = Gallery(total), Failures(families)
    with staging(folder, dataset) as stage, _tallies(families, stage, measure) as tallies, _Counting() as counting:
        for number, read in enumerate(read_ahead(images, total, progress)):
            sample = sized(read, measure.protocol)
            counting.submit(tallies, gallery, failures, number, sample, source(sample))
        counting.wait()
        rows: list[Row] = []
        for name, tally in tallies.items():
            values, counted = tally.finish(), tally.accumulator.counts
            seen = {
                "images": total,
                "images_total": len(images),
                "images_counted": tally.accumulator.images,
                "pixels_in": counted.pixels_in,
                "pixels_ood": counted.pixels_ood,
                "pixels_ignored": counted.pixels_ignored,
            }
            about = provenance | {key: _of(provenance.get(key), name) for key in PER_SCORE if key in provenance}
            rows += _rows(values, Row("ood", run, dataset, "", 0.0, name, families[name], None, seen, about))
        gallery.save(stage)
        failures.save(stage)
        stage.commit(rows)
    return rows


def _of(every: Any, name: str) -> dict[str, Any]:
    """The entry of one score, if there is one."""
    return {key: value for key, value in (every or {}).items() if key == name}


def _rows(values: Values, like: Row) -> Iterator[Row]:
    fields = {key: getattr(like, key) for key in like.__dataclass_fields__}
    for metric, (value, interval) in values.items():
        yield Row(**fields | {"metric": metric, "value": value, "low": interval.low, "high": interval.high})


@contextmanager
def _tallies(names: Mapping[str, str], stage: Staging, measure: Measure) -> Iterator[dict[str, Tally]]:
    with ExitStack() as open_files:
        tallies: dict[str, Tally] = {}
        for name in names:
            tallies[name] = Tally(name, stage, measure.protocol, exact=measure.exact, rules=measure.rules)
            open_files.callback(tallies[name].close)
        yield tallies


class _Counting:
    """Counts an image's maps: at once, or, where they lie on a GPU, beside the next image's forward.

    On a CPU the forward has all cores, and a second thread would only be in its way.
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, "counting")
        self._last: Future[None] | None = None

    def submit(
        self,
        tallies: Mapping[str, Tally],
        gallery: Gallery,
        failures: Failures,
        number: int,
        sample: Sample,
        scored: Scored,
    ) -> None:
        """Hand over one image; errors of the one before come up here."""
        self.wait()
        work = partial(_count, tallies, gallery, failures, number, sample, scored)
        if any(values.is_cuda for values in scored.maps.values()):
            self._last = self._pool.submit(work)
        else:
            work()

    def wait(self) -> None:
        """Until all that was handed over is counted."""
        if self._last is not None:
            self._last.result()
            self._last = None

    def __enter__(self) -> _Counting:
        return self

    def __exit__(self, *error: object) -> None:
        self._pool.shutdown()


def _count(
    tallies: Mapping[str, Tally], gallery: Gallery, failures: Failures, number: int, sample: Sample, scored: Scored
) -> None:
    maps = {name: values.cpu().numpy() for name, values in scored.maps.items()}
    for name, tally in tallies.items():
        tally.add(maps[name], sample.labels, sample.name)
    gallery.offer(number, sample, scored.prediction, maps)
    failures.offer(number, sample, maps)
