"""A trained model as an ONNX file: an image to logits and densities, without gmmbench or PyTorch."""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim
from torch.nn import functional as F

from gmmbench.atomic import atomic_file
from gmmbench.data import closed_set
from gmmbench.errors import InputError
from gmmbench.gmm import GMMClassifier
from gmmbench.gmm.covariance import LowRank
from gmmbench.gmm.density import explained_log_prob, explanations
from gmmbench.models.predictor import Predictor
from gmmbench.models.tap import tapped

OPSET = 18
"""The oldest that has what PyTorch's exporter writes, so that the most runtimes read it."""

TOLERANCE = 1e-3
"""Most that ONNX Runtime may differ from PyTorch, as a share of the largest value."""

FREE_CHECKS = ((1, 64, 96), (2, 96, 64), (1, 160, 224))
"""Batch, height, width of the images that a model with free sizes is checked on."""


class Exportable(nn.Module):
    """A model as a plain function of an image: ``forward`` gives logits and, where there are, density and void.

    Args:
        predictor: gives the model and its normalisation. Its ``short_side`` and ``window`` are no part of
            what is exported: who calls the model resizes.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, predictor: Predictor) -> None:
        super().__init__()
        self.model, self.known = predictor.model, predictor.num_classes
        self.register_buffer("mean", self.model.data_preprocessor.mean.clone())
        self.register_buffer("std", self.model.data_preprocessor.std.clone())

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """(B, 3, H, W) float32 RGB, 0 to 255, to (B, C, H, W) each, brought there bilinearly; void (B, 1, H, W)."""
        with tapped(self.model.classifier) as tap:
            seen = (image - self.mean) / self.std
            logits = self.model.decode_head(self.model.extract_feat(seen))
        maps = [logits[:, : self.known]]
        if isinstance(self.model.classifier, GMMClassifier):
            maps.append(GMMClassifier.to_map(tap.density, like=logits)[:, : self.known])
        if logits.shape[1] > self.known:
            maps.append(logits[:, self.known :])
        size = image.shape[2:]
        return tuple(F.interpolate(each, size=size, mode="bilinear", align_corners=False) for each in maps)


class _Explained(nn.Module):
    """``LowRank`` with what depends on it alone computed beforehand: ONNX has no Cholesky factors."""

    explain: Tensor
    log_det: Tensor
    variances: Tensor

    def __init__(self, covariance: LowRank) -> None:
        super().__init__()
        explain, log_det = explanations(covariance.loadings, covariance.variances)
        self.register_buffer("explain", explain)
        self.register_buffer("log_det", log_det)
        self.register_buffer("variances", covariance.variances)

    def log_prob(self, x: Tensor, means: Tensor) -> Tensor:
        """(N, D) features to (N, G) log-densities in nats."""
        return explained_log_prob(x, means, self.variances, self.explain, self.log_det)


def export(predictor: Predictor, path: Path, *, size: tuple[int, int] | None = None) -> list[str]:
    """Write a model as ONNX, once ONNX Runtime has been seen to give what PyTorch gives.

    The file has one input, ``image`` (B, 3, H, W) float32 RGB from 0 to 255, and outputs ``logits`` (B, C, H,
    W), of a GMM model ``density`` (B, C, H, W), log p(x | class) in nats, and of one with a void class ``void``
    (B, 1, H, W), its logit. The normalisation is inside;
    bringing an image to the size that evaluation uses is not, and ``metadata_props`` says what size that is.

    Args:
        size: height and width of the one image that the file is for. ``None``: any, in batches of any size.

    Returns:
        The names of the outputs.

    Raises:
        InputError: onnx, onnxscript or onnxruntime is missing, PyTorch cannot export the model so, or what it
            exported computes something else. Nothing is written then.
    """
    runtime = _runtime()
    module = Exportable(predictor).cpu().eval()
    classifier = predictor.model.classifier
    outputs = ["logits"]
    if isinstance(classifier, GMMClassifier):
        outputs.append("density")
    if predictor.void:
        outputs.append("void")
    with _without_factorising(classifier):
        program = _program(module, outputs, size)
        for key, value in _facts(predictor, outputs).items():
            program.model.metadata_props[key] = value
        content: bytes = program.model_proto.SerializeToString()
        _check(runtime, content, module, outputs, [(1, *size)] if size else list(FREE_CHECKS))
    with atomic_file(path) as file:
        file.write(content)
    return outputs


def _runtime() -> Any:
    try:
        import onnx  # noqa: F401
        import onnxruntime
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise InputError(f"export needs the package '{error.name}'; pip install 'gmmbench[onnx]'") from error
    return onnxruntime


@contextmanager
def _without_factorising(classifier: nn.Module) -> Iterator[None]:
    mixture = classifier.mixture if isinstance(classifier, GMMClassifier) else None
    if mixture is None or not isinstance(mixture.covariance, LowRank):
        yield
        return
    before = mixture.covariance
    mixture.covariance = _Explained(before)  # type: ignore[assignment]
    try:
        yield
    finally:
        mixture.covariance = before


def _program(module: Exportable, outputs: list[str], size: tuple[int, int] | None) -> Any:
    height, width = size or (96, 160)
    image = torch.rand(1 if size else 2, 3, height, width) * 255
    free = None if size else ({0: Dim.DYNAMIC, 2: Dim.DYNAMIC, 3: Dim.DYNAMIC},)
    try:
        # It prints how far it is, and warns of its own parts.
        with torch.no_grad(), redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.onnx.export(
                module,
                (image,),
                dynamo=True,
                input_names=["image"],
                output_names=outputs,
                opset_version=OPSET,
                dynamic_shapes=free,
                external_data=False,
            )
    except Exception as error:  # whatever a network's code makes of being traced
        reason = (str(error.__cause__ or error).strip().splitlines() or [type(error).__name__])[0]
        advice = "name another decode head or backbone" if size else "give the size of your images: --size HEIGHT WIDTH"
        raise InputError(
            f"PyTorch cannot export this model for images of {_words(size)} ({reason}); {advice}"
        ) from error


def _words(size: tuple[int, int] | None) -> str:
    return f"{size[0]}x{size[1]}" if size else "any size"


def _facts(predictor: Predictor, outputs: list[str]) -> dict[str, str]:
    return {
        "gmmbench": "image: RGB, 0 to 255, normalised inside; " + ", ".join(outputs) + " at the image's resolution",
        "network_input": predictor.network_input,
        "closed_set": predictor.closed_set,
        "classes": json.dumps(list(closed_set(predictor.closed_set).classes)),
        "config_sha256": predictor.config_sha256,
    }


def _check(
    runtime: Any, content: bytes, module: Exportable, outputs: list[str], shapes: list[tuple[int, int, int]]
) -> None:
    options = runtime.SessionOptions()
    options.log_severity_level = 3
    session = runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    generator = torch.Generator().manual_seed(0)
    for batch, height, width in shapes:
        image = torch.rand(batch, 3, height, width, generator=generator) * 255
        with torch.no_grad():
            wanted = module(image)
        try:
            found = session.run(outputs, {"image": image.numpy()})
        except Exception as error:  # the runtime has its own errors, of no common kind
            raise InputError(
                f"ONNX Runtime cannot run the exported model on {batch} image(s) of {height}x{width}"
                f" ({str(error).splitlines()[0]}); give the size of your images: --size HEIGHT WIDTH"
            ) from error
        for name, ours, theirs in zip(outputs, wanted, found, strict=True):
            gap = (ours - torch.from_numpy(theirs)).abs().max().item() if ours.shape == theirs.shape else float("nan")
            most = TOLERANCE * ours.abs().max().item()
            if not gap <= most:
                raise InputError(
                    f"the exported model's {name} differ from PyTorch's by {gap:.3g} on an image of {height}x{width};"
                    f" wanted at most {most:.3g}; nothing was written"
                )
