"""SegmentMeIfYouCan: RoadAnomaly21 and RoadObstacle21, their labelled validation images and their test images."""

from __future__ import annotations

from pathlib import Path

from gmmbench.data.faults import complain
from gmmbench.data.folders import matching_pairs
from gmmbench.data.pairs import PairedSet
from gmmbench.data.unlabelled import ImageFolder
from gmmbench.labels import IGNORE, IN, OOD

ANOMALY_TRACK = ("dataset_AnomalyTrack", ".jpg")
OBSTACLE_TRACK = ("dataset_ObstacleTrack", ".webp")
"""Folder of the download, and what kind of image lies in it."""

MEANING = {0: IN, 1: OOD, IGNORE: IGNORE}

WITHHELD_VALIDATION = ("validation_19", *(f"validation_{number}" for number in range(21, 30)))
"""How names begin that the benchmark's own code leaves out of the 30 validation images of RoadObstacle21."""

SPECIAL_SCENES = ("snowstorm1", "snowstorm2", "driveway")
"""Scenes of RoadObstacle21 that the benchmark evaluates on their own: snow, and night."""


def road_anomaly21(root: Path) -> PairedSet:
    """Chan et al., "SegmentMeIfYouCan", NeurIPS Datasets and Benchmarks 2021, arXiv 2104.14812: 10 images.

    ``ROOT/dataset_AnomalyTrack/images/validation0000.jpg`` and so on, with
    ``labels_masks/validation0000_labels_semantic.png``; 0 no anomaly, 1 anomaly, 255 void.
    """
    return _validation("road_anomaly21", root, ANOMALY_TRACK, ())


def road_obstacle21(root: Path) -> PairedSet:
    """As ``road_anomaly21``: ``ROOT/dataset_ObstacleTrack/images/validation_1.webp`` and so on, 30 images.

    0 road, 1 obstacle, 255 all that is not road. Names of ``WITHHELD_VALIDATION`` are left out, as
    ``ObstacleTrack-validation`` of road-anomaly-benchmark leaves them out.
    """
    return _validation("road_obstacle21", root, OBSTACLE_TRACK, WITHHELD_VALIDATION)


def road_anomaly21_test(root: Path) -> ImageFolder:
    """The images of RoadAnomaly21 whose labels are not public: all that are not ``validation*``; 100 of them."""
    return ImageFolder("road_anomaly21_test", _images(root, ANOMALY_TRACK, ("validation",)))


def road_obstacle21_test(root: Path) -> ImageFolder:
    """The images of RoadObstacle21 whose labels are not public, by the scene that begins the name; 327 of them.

    Left out are the validation images and ``SPECIAL_SCENES``, as ``ObstacleTrack-test`` leaves them out.
    """
    others = ("validation", *SPECIAL_SCENES)
    return ImageFolder("road_obstacle21_test", _images(root, OBSTACLE_TRACK, tuple(f"{name}_" for name in others)))


def _validation(name: str, root: Path, track: tuple[str, str], withheld: tuple[str, ...]) -> PairedSet:
    folder, suffix = root / track[0], track[1]
    pairs = matching_pairs(folder / "images", folder / "labels_masks", suffix, "_labels_semantic.png")
    labelled = [pair for pair in pairs if pair.name.startswith("validation") and not pair.name.startswith(withheld)]
    return PairedSet(name, labelled, MEANING)


def _images(root: Path, track: tuple[str, str], left_out: tuple[str, ...]) -> list[Path]:
    folder = root / track[0] / "images"
    if not folder.is_dir():
        complain(
            "layout",
            f"no {folder}; wanted the data set in its publisher's layout under the data root,"
            " which --data-root or the variable GMMBENCH_DATA names; its card is in datasets/",
        )
    return [file for file in sorted(folder.glob(f"*{track[1]}")) if not file.name.startswith((".", *left_out))]
