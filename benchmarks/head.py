"""The GMM head against the released one: inference, training, a whole training step, and the size of its state.

    python benchmarks/head.py --threads 2

The rival is ``released_head.py``; first it must give the numbers of our preset "official" on the same weights.
Seconds are the least of ``--repeat`` rounds, in each of which all rivals take their turn, so that a busy
machine is as unkind to one as to the other; what has an M-step every fifth step is timed over five. Peak
memory is taken as in ``density.py``: of one call in a fresh process, or on a GPU as PyTorch counts it. The exit
code is 1 when the numbers differ or a target is missed; ``--quick`` runs everything at sizes that say
nothing about speed, and looks at the numbers alone.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import torch
from density import resident
from released_head import VOID, ReleasedHead
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn
from torch.nn import functional as F
from training_step import CONFIGURED, make_step

from gmmbench.gmm import GMMClassifier

COVARIANCES = ("diag", "tied", "low_rank", "full")
RIVAL, LINEAR = "released", "linear 1x1 convolution"
ADE20K = (150, 8, 64)
SLOTS = 32_000


@dataclass(frozen=True)
class Size:
    """A batch at the end of the decoder; by default that of Cityscapes in crops of 512x512."""

    side: int = 128
    batch: int = 2
    channels: int = 256
    classes: int = 19
    components: int = 5
    dim: int = 64
    slots: int = SLOTS
    crop: int = 512


QUICK = Size(side=16, channels=24, classes=4, components=3, dim=8, slots=64, crop=64)
LIMITS = {"logits": 1e-3, "contrast loss": 1e-4, "gradient": 1e-3, "means": 1e-5, "deviations": 1e-5, "memory": 1e-4}


def make_batch(size: Size, device: str) -> tuple[Tensor, Tensor]:
    """Features (B, channels, h, w) that tell something of their classes, and labels (N,) in blocks, 5 % void."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.randint(0, size.classes, (size.batch, 1, 16, 16), generator=generator)
    labels = F.interpolate(coarse.float(), size=(size.side, size.side)).long().squeeze(1)
    centres = torch.randn(size.classes, size.channels, generator=generator)
    noise = torch.randn(size.batch, size.channels, size.side, size.side, generator=generator)
    features = (centres[labels].movedim(-1, 1) + noise).contiguous()
    void = torch.rand(labels.shape, generator=generator) < 0.05
    return features.to(device), torch.where(void, VOID, labels).flatten().to(device)


def make_head(name: str, size: Size, device: str, slots: int) -> nn.Module:
    """A head by its name in the tables: the rival, the linear one, or a preset and a covariance."""
    torch.manual_seed(0)
    if name == LINEAR:
        return nn.Conv2d(size.channels, size.classes, 1).to(device)
    if name == RIVAL:
        head = ReleasedHead(size.channels, size.classes, size.components, size.dim, slots=slots)
        return head.to(device)
    preset, covariance = name.split()
    options: dict[str, Any] = {"components": size.components, "dim": size.dim, "covariance": covariance}
    if covariance == "low_rank":
        options["covariance_options"] = {"rank": min(8, size.dim - 1)}
    if preset == "official":
        options["memory_options"] = {"slots": slots, "samples": 20}
    return GMMClassifier(size.channels, size.classes, preset, **options).to(device)


def train(head: nn.Module, features: Tensor, labels: Tensor, steps: int = 1) -> dict[str, Tensor]:
    """All that a training step does in the head, but for the optimiser; what can be compared of the last one."""
    for _ in range(steps):
        x = features.detach().requires_grad_()
        for parameter in head.parameters():
            parameter.grad = None
        seen = None
        if isinstance(head, ReleasedHead):
            logits, contrast = head.training_step(x, labels)
        elif isinstance(head, GMMClassifier):
            reading = head.read(x)
            seen = head.assign(reading, labels)
            logits, contrast = reading.logits, head.component_loss(reading, seen.owner) / 0.01
        else:
            logits, contrast = head(x).movedim(1, -1).flatten(0, 2), torch.zeros((), device=x.device)
        loss = F.cross_entropy(logits, labels, ignore_index=VOID) + 0.01 * contrast
        loss.backward()  # type: ignore[no-untyped-call]
        if isinstance(head, GMMClassifier) and seen is not None:
            head.update(seen)
    assert x.grad is not None
    return {"logits": logits.detach(), "contrast loss": contrast.detach(), "gradient": x.grad}


def differences(size: Size, device: str) -> dict[str, float]:
    """Between the rival and our preset "official" in six steps, two of them with an M-step: largest, or as said."""
    ours, slots = make_head("official diag", size, device, min(size.slots, 640)), min(size.slots, 640)
    rival = make_head(RIVAL, size, device, slots)
    assert isinstance(ours, GMMClassifier)
    assert isinstance(rival, ReleasedHead)
    rival.adopt(ours)
    worst = dict.fromkeys(LIMITS, 0.0)
    for _ in range(6):
        pairs = []
        for head in (ours, rival):
            pairs.append(train(head, *make_batch(size, device)))
        state = ours.state_dict()
        pairs[0]["means"], pairs[1]["means"] = state["mixture.means"], rival.means
        pairs[0]["deviations"] = state["mixture.covariance.variances"].sqrt().view_as(rival.deviations)
        pairs[1]["deviations"] = rival.deviations
        pairs[0]["memory"], pairs[1]["memory"] = state["memory.features"], rival.queue.transpose(1, 2)
        # Where two components are as likely to the last bit, the maximum's gradient goes to one or the other: a
        # few pixels of the first steps, when all components still are at random. So its length is compared.
        gap = (pairs[0]["gradient"] - pairs[1]["gradient"]).norm() / pairs[1].pop("gradient").norm()
        worst["gradient"] = max(worst["gradient"], float(gap))
        for name in pairs[1]:
            worst[name] = max(worst[name], float((pairs[0][name] - pairs[1][name]).abs().max()))
    return worst


def trained(name: str, size: Size, device: str) -> nn.Module:
    """A head ready for inference, of one step of training, with a memory too small to be seen."""
    head = make_head(name, size, device, slots=64)
    train(head, *make_batch(size, device))
    return head.eval()


def infer(head: nn.Module, features: Tensor) -> None:
    with torch.no_grad():
        head(features)


def fastest(calls: dict[str, tuple[Callable[[], object], int]], repeat: int, device: str) -> dict[str, float]:
    """Seconds a step of calls that take so many steps: the least of ``repeat`` rounds after one that warms up."""
    least = dict.fromkeys(calls, float("inf"))
    for turn in range(repeat + 1):
        for name, (call, steps) in calls.items():
            _wait(device)
            start = time.perf_counter()
            call()
            _wait(device)
            if turn:
                least[name] = min(least[name], (time.perf_counter() - start) / steps)
    return least


def _wait(device: str) -> None:
    if device != "cpu":
        torch.cuda.synchronize()


def measure_memory(name: str, size: Size, device: str) -> float:
    """Peak MiB of one inference beyond what was held before it."""
    # What is freed may stay with the process, and would hide what is measured: nothing here is as large.
    head, (features, _) = trained(name, replace(size, side=16), device), make_batch(size, device)
    infer(head, features[:, :, :8])  # loads what the first call loads
    if device != "cpu":
        torch.cuda.reset_peak_memory_stats()
        held = torch.cuda.memory_allocated()
        infer(head, features)
        return (torch.cuda.max_memory_allocated() - held) / 2**20
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak starts anew from here
    before = resident("VmRSS")
    infer(head, features)
    return max(resident("VmHWM") - before, 4096 / 2**20)  # a page is the least that can be seen


def peak_mib(name: str, size: Size, device: str, threads: int) -> float:
    """``measure_memory``, on the CPU in a fresh process."""
    if size is QUICK or device != "cpu":
        return measure_memory(name, size, device)
    command = [sys.executable, __file__, "--threads", str(threads), "--peak-of", name]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def state_bytes(preset: str, covariance: str) -> tuple[int, int]:
    """Bytes of a classifier's state dict at ADE20K's size, with EM's memory and without."""
    classes, components, dim = ADE20K
    options: dict[str, Any] = {"covariance": covariance}
    if preset == "official":
        options["memory_options"] = {"slots": 1, "samples": 1}
    head = GMMClassifier(256, classes, preset, components=components, dim=dim, **options)
    sizes = {name: value.numel() * value.element_size() for name, value in head.state_dict().items()}
    if preset == "official":  # not allocated
        sizes["memory.features"] *= SLOTS
    memory = sum(value for name, value in sizes.items() if name.startswith("memory."))
    return sum(sizes.values()), sum(sizes.values()) - memory


def many(run: Callable[[], object], steps: int) -> tuple[Callable[[], object], int]:
    return (lambda: [run() for _ in range(steps)]), steps


class Report:
    """Tables, and what of the targets was missed."""

    def __init__(self, console: Console, *, judge: bool) -> None:
        self.console, self.judge, self.missed = console, judge, 0

    def table(
        self, title: str, unit: str, found: dict[str, float], over: str, targets: dict[str, tuple[str, float]]
    ) -> None:
        """One line a rival; targets are bounds of its ratio: ``over`` / it for ">=", it / ``over`` for "<="."""
        table = Table("", unit, f"{over} / it", f"it / {over}", "target", "", title=title, title_justify="left")
        for column in table.columns[1:]:
            column.justify = "right"
        for name, value in found.items():
            times, share = found[over] / value, value / found[over]
            target, verdict = "", ""
            if name in targets:
                sign, bound = targets[name]
                met = times >= bound if sign == ">=" else share <= bound
                target = f"{bound:g} times {'faster' if unit == 'ms' else 'less'}" if sign == ">=" else f"<= {bound:g}"
                verdict = ("met" if met else "MISSED") if self.judge else ""
                self.missed += not met
            table.add_row(name, f"{value:,.1f}", f"{times:.4g}", f"{share:.3g}", target, verdict)
        self.console.print(table)


def main(arguments: list[str] | None = None) -> int:
    """Compare, measure, print; 0 when the numbers agree and all targets are met, else 1."""
    parser = argparse.ArgumentParser(description="the GMM head against the released GMMSeg's")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="of torch; default: its own")
    parser.add_argument("--repeat", type=int, default=5, help="rounds; the least time counts")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, one round, no judgement of times")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--peak-of", help=argparse.SUPPRESS)  # what the fresh process is asked
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    size, device = (QUICK if options.quick else Size()), options.device
    if options.peak_of:
        print(measure_memory(options.peak_of, size, device))
        return 0
    repeat = 1 if options.quick else options.repeat

    console = Console(width=110)
    machine = torch.cuda.get_device_name() if device != "cpu" else f"CPU, {options.threads} threads"
    console.print(f"{machine}, torch {torch.__version__}, float32; least of {repeat} interleaved rounds; {size}\n")
    found = differences(size, device)
    agreed = all(found[name] <= limit for name, limit in LIMITS.items())
    shown = ", ".join(f"{name} {found[name]:.0e}" for name in LIMITS)
    console.print(f"released against preset official on the same weights, six steps: {shown}")
    console.print("the same numbers\n" if agreed else f"THE NUMBERS DIFFER; limits: {LIMITS}\n")

    report = Report(console, judge=not options.quick)
    diagonal = ["official diag", "gmmbench diag"]
    ours = [*diagonal, *(f"gmmbench {name}" for name in COVARIANCES[1:])]
    features, labels = make_batch(size, device)
    calls: dict[str, tuple[Callable[[], object], int]]
    calls = {name: (partial(infer, trained(name, size, device), features), 1) for name in [RIVAL, *ours, LINEAR]}
    found = fastest(calls, repeat, device)
    report.table("Inference, features to logits", "ms", _ms(found), RIVAL, dict.fromkeys(diagonal, (">=", 25.0)))
    found = {name: peak_mib(name, size, device, options.threads) for name in [RIVAL, *ours]}
    report.table("Inference, extra peak memory", "MiB", found, RIVAL, dict.fromkeys(diagonal, ("<=", 0.05)))

    every = {name: 5 if name in (RIVAL, "official diag") else 1 for name in [RIVAL, *ours, LINEAR]}
    heads = {name: make_head(name, size, device, size.slots) for name in every}
    calls = {name: (partial(train, heads[name], features, labels, steps), steps) for name, steps in every.items()}
    found = fastest(calls, repeat, device)
    targets = {**dict.fromkeys(diagonal, (">=", 10.0)), "gmmbench full": (">=", 1.0)}
    report.table("Training side of the head, a step", "ms", _ms(found), RIVAL, targets)
    del heads, calls

    crops = make_batch(Size(side=size.crop, channels=1), device)[1].view(size.batch, size.crop, size.crop)
    kinds = ["softmax", CONFIGURED, *([] if options.quick else ours), RIVAL]
    calls = {kind: many(make_step("segformer_b0", kind, crops, slots=size.slots), every.get(kind, 1)) for kind in kinds}
    found = fastest(calls, repeat, device)
    targets = {name: ("<=", 1.15) for name in (CONFIGURED, "gmmbench diag") if name in found}
    report.table("SegFormer-B0, a training step", "ms", _ms(found), "softmax", targets)
    if device != "cpu":
        for backbone, kind in product(("segformer_b0", "segformer_b2"), ("softmax", CONFIGURED)):
            call = many(make_step(backbone, kind, crops, slots=size.slots, half=True), 10)
            rate = 1 / fastest({kind: call}, repeat, device)[kind]
            console.print(f"{backbone}, {kind}, AMP: {rate:.2f} steps per second")

    classes, components, dim = ADE20K
    held = {RIVAL: classes * components * dim * SLOTS * 4 / 2**20}
    for name in [*ours, "paper diag"]:
        whole, lasting = state_bytes(*name.split())
        held[name], held[f"{name}, without memory"] = whole / 2**20, lasting / 2**20
    targets = {name: ("<=", 0.01) for name in held if name.startswith(("gmmbench", "paper"))}
    report.table("State at ADE20K's 150 x 8 x 64", "MiB", held, RIVAL, targets)
    return 0 if agreed and (options.quick or not report.missed) else 1


def _ms(seconds: dict[str, float]) -> dict[str, float]:
    return {name: 1e3 * value for name, value in seconds.items()}


if __name__ == "__main__":
    sys.exit(main())
