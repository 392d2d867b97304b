"""``gmmbench predict``: a model and files to pictures and videos."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gmmbench.atomic import atomic_file
from gmmbench.predict.inputs import Inputs, inputs_of
from gmmbench.predict.look import Look
from gmmbench.predict.page import Drawing, Reel, Seen
from gmmbench.predict.places import Places
from gmmbench.predict.sight import Sight, check_asked, sight_of
from gmmbench.predict.survey import survey
from gmmbench.predict.video import Video, written_video
from gmmbench.score_maps import write_map
from gmmbench.verbs.setting import ProgressBar, quiet
from gmmbench.verbs.subject import Subject

PNG_EFFORT = 3
"""Of 9: a third of the default's time for a few per cent more bytes."""


@dataclass(frozen=True)
class Predicted:
    """What was written.

    Attributes:
        images: image files drawn.
        videos: video files drawn.
        frames: of all videos.
        score: what the heat shows.
        limits: the scores at its ends.
        notes: what a person should know.
    """

    images: int
    videos: int
    frames: int
    score: str
    limits: tuple[float, float]
    notes: tuple[str, ...]


def predict(
    subject: Subject,
    paths: Sequence[Path],
    folder: Path,
    *,
    score: str | None = None,
    look: Look | None = None,
    maps: bool = False,
    blur: float | None = None,
    data_root: Path = Path("data"),
    bar: ProgressBar = quiet,
) -> Predicted:
    """Draw segmentation and anomaly over images and videos.

    Of each image NAME it writes ``NAME_segmentation.png`` and ``NAME_anomaly.png``, whose upper left corner is the
    image at its own size; of each video ``NAME_overlay.mp4``, image, segmentation and anomaly abreast. A file is
    whole or not there.

    Args:
        paths: image files, folders of images, video files; see ``inputs_of``.
        folder: where the pictures go.
        score: one name, with options; if not given gmm_lse of a model with a density, else energy.
        look: alpha, threshold and range; its defaults if not given.
        maps: write the scores too, (H, W) float32 .npy: ``maps/NAME.npy``, of videos ``maps/NAME/000000.npy``.
        blur: standard deviation of a smoothing of the scores; ``None``: none.
        data_root: of the training images that a score is fitted to.

    Raises:
        InputError: bad input of any kind. All images are read, and a frame of each video, before the model is
            loaded; nothing is written until then.
    """
    look = look or Look()
    look.check()
    asked, inputs, places = check_asked(score, blur), inputs_of(paths), Places(folder, maps)
    places.check(paths, inputs)
    with bar("reading images") as progress:
        for number, still in enumerate(inputs.stills, start=1):
            still.read()
            if progress is not None:
                progress(number, len(inputs.stills))
    sight = sight_of(subject, asked, blur=blur, example=inputs.example, data_root=data_root, out=folder, bar=bar)
    notes, limits, kept = list(sight.notes), look.limits, dict[int, Seen]()
    if limits is None:
        with bar(f"scale of {sight.score}") as progress:
            found = survey(sight, inputs, progress)
        limits, kept = found.limits, found.kept
        notes.append(found.note(sight.score))
    drawing = Drawing(look, limits, sight.classes, sight.score)
    _draw_stills(sight, inputs, kept, drawing, places, bar)
    frames = 0
    for video in inputs.videos:
        drawn = _draw_video(sight, video, drawing, places, bar)
        frames += drawn
        if drawn < video.count:
            notes.append(f"{video.path}: its header promises {video.count} frames, {drawn} could be read")
    return Predicted(len(inputs.stills), len(inputs.videos), frames, sight.score, limits, tuple(notes))


def _draw_stills(
    sight: Sight, inputs: Inputs, kept: Mapping[int, Seen], drawing: Drawing, places: Places, bar: ProgressBar
) -> None:
    """All images."""
    with bar("predicting") as progress:
        for number, still in enumerate(inputs.stills):
            seen = kept.get(number) or sight(still.read(), still.name)
            if places.with_maps:
                write_map(places.maps, still.name, seen.scores, "npy")
            _save(places.segmentation(still), drawing.segmentation(seen))
            _save(places.anomaly(still), drawing.anomaly(seen))
            if progress is not None:
                progress(number + 1, len(inputs.stills))


def _draw_video(sight: Sight, video: Video, drawing: Drawing, places: Places, bar: ProgressBar) -> int:
    """One video; how many frames it has."""
    reel, number = None, 0
    with bar(video.path.name) as progress, written_video(places.overlay(video), video.fps) as add:
        for frame in video.frames():
            seen = sight(frame, f"{video.name}, frame {number}")
            if places.with_maps:
                write_map(places.maps, f"{video.name}/{number:06d}", seen.scores, "npy")
            reel = reel or Reel(drawing, video.path.name, (frame.shape[0], frame.shape[1]), video.fps)
            add(reel.frame(seen, number))
            number += 1
            if progress is not None:
                progress(number, max(video.count, number))
    return number


def _save(path: Path, page: NDArray[np.uint8]) -> None:
    with atomic_file(path) as file:
        Image.fromarray(page).save(file, format="PNG", compress_level=PNG_EFFORT)
