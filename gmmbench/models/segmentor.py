"""An MMSegmentation model whose classifier is chosen by one config key."""

from __future__ import annotations

from typing import Any

import torch
from mmseg.models.segmentors import EncoderDecoder
from mmseg.registry import MODELS
from torch import Tensor, nn
from torch.nn import functional as F

from gmmbench.errors import InputError
from gmmbench.gmm import Assignment, GMMClassifier
from gmmbench.models.tap import tapped


@MODELS.register_module()
class Segmentor(EncoderDecoder):
    """MMSegmentation's ``EncoderDecoder`` with the decode head's last 1x1 convolution exchangeable.

    Args:
        classifier: keyword arguments of ``GMMClassifier`` (beyond the channels and classes, which
            the decode head knows), or ``None`` for the head's own convolution: the softmax twin.
        others: as ``EncoderDecoder``. Any decode head that ends in ``cls_seg`` will do.
    """

    def __init__(self, *args: Any, classifier: dict[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._observed: list[Assignment] = []
        # Outside the module tree: it is no part of the model, see init_weights.
        self._linear: tuple[nn.Module, ...] = ()
        if classifier is not None:
            head = self.decode_head
            self._linear = (head.conv_seg,)
            # The twin's random numbers go on from here as if nothing had been built.
            with torch.random.fork_rng():
                try:
                    head.conv_seg = GMMClassifier(head.channels, head.out_channels, **classifier)
                except (TypeError, ValueError) as error:
                    raise InputError(f"model.classifier: {error}") from error

    @property
    def classifier(self) -> nn.Module:
        """A ``GMMClassifier``, or the head's 1x1 convolution."""
        classifier: nn.Module = self.decode_head.conv_seg
        return classifier

    @property
    def generative(self) -> bool:
        """Whether the classifier gives densities."""
        return isinstance(self.classifier, GMMClassifier)

    def init_weights(self) -> None:
        """Initialise as MMSegmentation does, a GMM classifier excepted.

        The head initialises its convolution whether or not it stays, so that everything else starts
        from the same numbers in both twins; and MMSegmentation's rule for ``conv_seg`` (normal,
        0.01) must not reach into the norms of a GMM classifier, which PyTorch initialised well.
        """
        chosen = self.classifier
        if self._linear:
            self.decode_head.conv_seg = self._linear[0]
        super().init_weights()
        self.decode_head.conv_seg = chosen

    def loss(self, inputs: Tensor, data_samples: list[Any]) -> dict[str, Tensor]:
        """MMSegmentation's losses; with a GMM classifier also the component loss and the E-step."""
        with tapped(self.classifier) as tap:
            losses: dict[str, Tensor] = super().loss(inputs, data_samples)
        classifier = self.classifier
        if isinstance(classifier, GMMClassifier):
            reading = tap.reading()
            seen = classifier.assign(reading, self._labels(data_samples, like=tap.logits))
            losses["decode.loss_component"] = classifier.component_loss(reading, seen.owner)
            self._observed.append(seen)
        return losses

    def em_step(self) -> None:
        """Memory and M-step on the pixels of every ``loss`` since the last one: once per optimiser step, after it."""
        if self._observed:
            classifier = self.classifier
            assert isinstance(classifier, GMMClassifier)
            classifier.update(Assignment.join(self._observed))
            self._observed.clear()

    @staticmethod
    def _labels(data_samples: list[Any], like: Tensor) -> Tensor:
        """(B * h * w,) class numbers at the classifier's resolution, nearest neighbour."""
        labels = torch.stack([sample.gt_sem_seg.data for sample in data_samples])
        return F.interpolate(labels.float(), size=like.shape[2:], mode="nearest").long().flatten()
