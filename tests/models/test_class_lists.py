"""Classes of the published data sets against MMSegmentation's, whose checkpoints count on their order."""

from __future__ import annotations

import pytest
from mmseg.datasets import ADE20KDataset, CityscapesDataset, COCOStuffDataset

from gmmbench.data import CLOSED_SETS

STRANGERS = {"cityscapes": CityscapesDataset, "ade20k": ADE20KDataset, "coco_stuff10k": COCOStuffDataset}


@pytest.mark.parametrize("name", STRANGERS)
def test_classes_in_their_order(name):
    # MMSegmentation spells ADE20K's eighth class "bed ".
    assert CLOSED_SETS[name].classes == tuple(text.strip() for text in STRANGERS[name].METAINFO["classes"])


@pytest.mark.parametrize("name", ["cityscapes", "ade20k"])
def test_customary_colours(name):
    assert CLOSED_SETS[name].palette == tuple(tuple(colour) for colour in STRANGERS[name].METAINFO["palette"])
