"""OCRNet's two heads as one, so that a segmentor sees a decode head like any other."""

from __future__ import annotations

from typing import Any

from mmseg.models.decode_heads import OCRHead
from mmseg.registry import MODELS
from torch import Tensor


@MODELS.register_module()
class OCRNetHead(OCRHead):
    """Coarse regions by a first head, then object context and the classifier that counts (arXiv 1909.11065).

    MMSegmentation's ``CascadeEncoderDecoder`` computes the same from a list of heads. Here ``conv_seg`` is
    the last classifier and can be exchanged as in every other head, and the first head runs once a step
    instead of twice, so that its batch norm sees each batch once.

    Args:
        first: config of the first head; it is trained by its own loss and keeps its own convolution. Its
            classes are this head's.
        others: as MMSegmentation's ``OCRHead``.
    """

    def __init__(self, first: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.first = MODELS.build({**first, "num_classes": self.num_classes})

    def forward(self, inputs: list[Tensor]) -> Tensor:
        """Feature maps, fine to coarse, to logits (B, C, h, w)."""
        logits: Tensor = super().forward(inputs, self.first(inputs))
        return logits

    def loss(self, inputs: list[Tensor], batch_data_samples: list[Any], train_cfg: Any) -> dict[str, Tensor]:
        """Both heads' losses; the first head's under ``first.``."""
        coarse = self.first(inputs)
        first = self.first.loss_by_feat(coarse, batch_data_samples)
        losses = {f"first.{name}": value for name, value in first.items()}
        losses.update(self.loss_by_feat(super().forward(inputs, coarse), batch_data_samples))
        return losses

    def predict(self, inputs: list[Tensor], batch_img_metas: list[dict[str, Any]], test_cfg: Any) -> Tensor:
        """Logits brought to the images' size."""
        logits: Tensor = self.predict_by_feat(self.forward(inputs), batch_img_metas)
        return logits
