"""RoadAnomaly: real photographs of animals, rocks and lost cargo on roads."""

from __future__ import annotations

import json
from pathlib import Path

from gmmbench.data.faults import complain
from gmmbench.data.folders import complain_of_unlisted
from gmmbench.data.pairs import Pair, PairedSet
from gmmbench.labels import IN, OOD


def road_anomaly(root: Path) -> PairedSet:
    """Lis et al., "Detecting the Unexpected via Image Resynthesis", ICCV 2019, arXiv 1904.07595.

    ``ROOT/RoadAnomaly_jpg/frame_list.json`` names 60 frames; labels are 0 normal and
    2 anomaly, with no ignore value: everything that is no anomaly counts as IN.
    """
    folder = root / "RoadAnomaly_jpg"
    listing = folder / "frame_list.json"
    frames = folder / "frames"
    names = sorted(file.name for file in frames.glob("*.jpg"))  # what is left to check where the list is lost
    if not listing.is_file():
        complain(
            "layout",
            f"no {listing}; wanted the data set 'RoadAnomaly_jpg' under the data root,"
            f" which --data-root or the variable GMMBENCH_DATA names (now: {root})",
        )
    else:
        try:
            names = [str(name) for name in json.loads(listing.read_text(encoding="utf-8"))]
        except (ValueError, TypeError) as error:
            complain(
                "bad list",
                f"{listing} is no JSON list of file names ({error}); unpack the data set again",
                cause=error,
            )
    pairs = [
        Pair(Path(name).stem, frames / name, frames / f"{Path(name).stem}.labels" / "labels_semantic.png")
        for name in names
    ]
    there = (file for kind in ("*.jpg", "*.labels/labels_semantic.png") for file in frames.glob(kind))
    complain_of_unlisted(pairs, listing, there)
    return PairedSet("road_anomaly", pairs, {0: IN, 2: OOD})
