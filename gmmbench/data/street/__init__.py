"""Street: small drawn street scenes, a closed set to train on and an OOD test, with no download and no licence.

A scene is a plan in metres (lanes, kerbs, building lines, a side street), things placed on it
without collisions, and a pinhole camera. Everything is drawn far to near at twice the size into
three buffers at once (colour, owner, glow), so the label of a pixel is what shows there; then light,
fog, rain, lens and sensor are applied to the whole, anomalies included.

The closed set has eight classes (``CLASSES``); lamp posts and signs are void (``IGNORE``). The split
``test_ood`` also has anomalies of twelve kinds (``OOD_LABEL``) that no other split ever shows, and
every sixth of its images has none. Patches, manholes, puddles, leaves and shadows lie on the road in
all splits, so that not all that is odd on a road is an anomaly.

`render` draws one scene; `write_street` writes the data set in CamVid's layout.
"""

from __future__ import annotations

from gmmbench.data.street.classes import CLASSES, DEFAULT_COUNTS, OOD_LABEL, PALETTE
from gmmbench.data.street.scene import render
from gmmbench.data.street.write import write_street

__all__ = ["CLASSES", "DEFAULT_COUNTS", "OOD_LABEL", "PALETTE", "render", "write_street"]
