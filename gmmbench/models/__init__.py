"""The only room that knows MMSegmentation, MMCV and timm. Importing it registers our parts with them."""

from gmmbench.models.compat import prepare_mmseg

prepare_mmseg()

from gmmbench.models import (  # noqa: E402, F401  (registers)
    backbone,
    class_balance,
    hooks,
    ocrnet,
    pretrained,
    segmentor,
    training_data,
)
