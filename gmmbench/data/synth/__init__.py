"""Synthetic OOD sets: objects that a model never saw, pasted into pictures that it is at home in.

In the manner of Fishyscapes Static (Blum et al., "The Fishyscapes Benchmark", IJCV 2021, arXiv 1904.03215), of any
closed set and any cut-outs. An object stands on the ground, as large as its place makes it, with the place's colours
and sharpness; labels are exact. Some images get nothing, and some get only objects of known classes, cut and pasted
in the same way. No shadow is drawn: outside an object's edge the background is what it was, bit for bit.

`load_cutouts` and `of_closed_set` or `of_folder` read what `write_synth` needs; `synth` reads the set that it made.
"""

from __future__ import annotations

from gmmbench.data.synth.backgrounds import Background, Backgrounds, of_closed_set, of_folder
from gmmbench.data.synth.composing import Composite, compose
from gmmbench.data.synth.cutouts import Cutout, load_cutouts
from gmmbench.data.synth.recipe import ANOMALY, EMPTY, KNOWN, Recipe
from gmmbench.data.synth.write import RECORD, VERSION, Written, synth, write_synth

__all__ = [
    "ANOMALY", "EMPTY", "KNOWN", "RECORD", "VERSION", "Background", "Backgrounds", "Composite", "Cutout", "Recipe",
    "Written", "compose", "load_cutouts", "of_closed_set", "of_folder", "synth", "write_synth",
]  # fmt: skip
