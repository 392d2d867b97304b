"""What sections are made of: checked runs, the models they are of, and where figures go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure as Drawing

from gmmbench.report import figures
from gmmbench.report.models import Model, models_of
from gmmbench.report.runs import CLOSED, OOD_TASK, Run, dataset_facts, datasets
from gmmbench.report.text import slug


@dataclass(frozen=True)
class Material:
    """All that a section may look at.

    Attributes:
        runs: as they were named.
        figures: the folder of a report's figures; files in it are named in blocks.
        public: leave out what shows frames of data sets that do not allow it.
    """

    runs: tuple[Run, ...]
    figures: Path
    public: bool

    @cached_property
    def models(self) -> tuple[Model, ...]:
        """One for each run, or for each group of runs that differ in their seed."""
        return models_of(self.runs)

    @cached_property
    def ood_sets(self) -> tuple[str, ...]:
        """In the order in which the runs name them."""
        return tuple(datasets(self.runs, OOD_TASK))

    @cached_property
    def closed_sets(self) -> tuple[str, ...]:
        """In the order in which the runs name them."""
        return tuple(datasets(self.runs, CLOSED))

    def models_on(self, dataset: str) -> list[Model]:
        """Those with rows of this OOD set."""
        return [model for model in self.models if dataset in model.scores]

    def facts(self, dataset: str) -> dict[str, Any]:
        """Title, citation, licence, note, whether frames may be shown."""
        return self._facts[dataset]

    def title(self, dataset: str) -> str:
        """The data set's own name, and ours behind it."""
        title = self.facts(dataset).get("title")
        return f"{title} ({dataset})" if title and title != dataset else dataset

    def may_show(self, dataset: str) -> bool:
        """Whether this report may show frames of ``dataset``; the reason for a no is ``why_not``."""
        return not self.public or self.facts(dataset).get("frames_may_be_shown") is True

    def why_not(self, dataset: str) -> str:
        """What to say where frames are left out."""
        why = "do not allow" if self.facts(dataset).get("frames_may_be_shown") is False else "are not recorded to allow"
        return f"Pictures of {dataset} are left out: its terms {why} its frames to be shown in public."

    def stem(self, dataset: str) -> str:
        """A file name's part for a data set, no two alike on any file system."""
        return self._stems[dataset]

    def draw(self, name: str, drawing: Drawing, *, vector: bool = True) -> tuple[str, ...]:
        """Save a drawing as NAME.png, and where ``vector`` as NAME.svg and NAME.pdf; returns the file names."""
        return tuple(figures.save(drawing, self.figures / name, vector=vector))

    @cached_property
    def _facts(self) -> dict[str, dict[str, Any]]:
        return {name: dataset_facts(self.runs, name) for name in {*self.ood_sets, *self.closed_sets}}

    @cached_property
    def _stems(self) -> dict[str, str]:
        stems: dict[str, str] = {}
        for number, name in enumerate(dict.fromkeys((*self.ood_sets, *self.closed_sets)), start=1):
            stem = slug(name)
            taken = stem.lower() in map(str.lower, stems.values())  # case too: some file systems do not tell it apart
            stems[name] = f"{stem}_{number}" if taken else stem
        return stems


def material_of(runs: Sequence[Run], figures_folder: Path, *, public: bool) -> Material:
    """The material of checked runs."""
    return Material(tuple(runs), figures_folder, public)
