"""The OOD sets that a request names, found before any work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gmmbench.data import DATASETS, ood_set
from gmmbench.data.cards import card
from gmmbench.data.fishyscapes import FishyscapesStatic
from gmmbench.data.folder import folder_set
from gmmbench.data.pairs import PairedSet
from gmmbench.errors import InputError
from gmmbench.verbs.setting import facts_of


@dataclass(frozen=True)
class OodSet:
    """One data set to evaluate on.

    Attributes:
        images: its samples.
        facts: what a report says of it.
        track: of ``gmmbench.metrics.components.TRACKS``: how small an object may be.
    """

    images: PairedSet
    facts: Mapping[str, Any]
    track: str


@dataclass(frozen=True)
class OodSets:
    """Which sets were asked for.

    Attributes:
        names: registry names.
        folder: a set of one's own: its name, images folder, masks folder, and what mask values mean.
        data_root: of the registered sets.
    """

    names: tuple[str, ...]
    folder: tuple[str, Path, Path, str] | None
    data_root: Path

    def load(self) -> dict[str, OodSet]:
        """By name, in the order asked.

        Raises:
            InputError: no set named, an unknown one, one whose files are not there, or a name that is taken.
        """
        if not self.names and self.folder is None:
            raise InputError(
                "no data set named; wanted --datasets NAMES ('gmmbench data ls' lists them) or --folder NAME IMAGES"
                " MASKS MAP"
            )
        found = {}
        for name in dict.fromkeys(self.names):
            images = ood_set(name, self.data_root)
            found[name] = OodSet(images, facts_of(name) | _seen(images), card(name).get("components", "anomaly"))
        if self.folder is not None:
            name, folder, masks, label_map = self.folder
            if name in DATASETS:
                raise InputError(f"--folder {name}: that is a registered data set; call yours something else")
            if not name.replace("-", "").replace("_", "").isalnum():
                raise InputError(f"--folder '{name}': wanted a name of letters, digits, - and _")
            facts = {"name": name, "title": f"{folder} with {masks}, {label_map}", "frames_may_be_shown": False}
            pairs = folder_set(folder, masks, label_map)
            found[name] = OodSet(pairs, facts | _seen(pairs), "anomaly")
        return found

    def option(self, dataset: str) -> dict[str, object]:
        """How the command line names one of the sets."""
        return {"datasets": dataset} if dataset in self.names else {"folder": list(self.folder or ())}


def _seen(images: PairedSet) -> dict[str, Any]:
    """What the files themselves say: the hash of all label maps, and whether a named version was checked."""
    facts: dict[str, Any] = {"labels_sha256": images.labels_sha256()}
    if isinstance(images, FishyscapesStatic):
        facts["version_checked"] = images.verified
    return facts
