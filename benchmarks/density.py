"""log_prob against the broadcast form of the same log-density: values, seconds and peak memory.

    python benchmarks/density.py --threads 2

Both read the same float32 features and Gaussians. The rival is the textbook line
``-0.5 * (((x[:, None] - mu) / sigma)**2).sum(-1) - ...``, which builds (N, K, D) tensors. The seconds
are the median wall time of several runs, without gradients. Peak memory is what the process occupies
at most beyond what it held before the one call (VmHWM - VmRSS), each form in a fresh process of its
own: that includes the scratch memory of the BLAS, which the profiler of torch does not see. It reads
/proc, so it wants Linux. The exit code is 1 when the values differ or a requirement is missed.
"""

from __future__ import annotations

import argparse
import math
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from gmmbench.gmm.density import log_prob

PIXELS, CLASSES, COMPONENTS, DIM = 32_768, 19, 5, 64
TIMES_FASTER, MEMORY_SHARE = 50, 1 / 20
MOST_DIFFERENCE = 1e-3  # nats
RUNS = {"ours": 41, "broadcast": 5}

Form = Callable[[Tensor, Tensor, Tensor], Tensor]


def broadcast(x: Tensor, means: Tensor, variances: Tensor) -> Tensor:
    """(N, C, M) log-densities the way that the formula reads."""
    mu, sigma = means.flatten(0, 1), variances.flatten(0, 1).sqrt()
    constant = sigma.log().sum(-1) + 0.5 * mu.shape[1] * math.log(2 * math.pi)
    return (-0.5 * (((x[:, None] - mu) / sigma) ** 2).sum(-1) - constant).reshape(len(x), *means.shape[:-1])


FORMS: dict[str, Form] = {"ours": log_prob, "broadcast": broadcast}


def make_inputs(pixels: int) -> tuple[Tensor, Tensor, Tensor]:
    """Unit vectors, as the classifier has them, under unit means with variances from its floor to twice that."""
    generator = torch.Generator().manual_seed(0)
    x = torch.nn.functional.normalize(torch.randn(pixels, DIM, generator=generator), dim=1)
    means = torch.nn.functional.normalize(torch.randn(CLASSES, COMPONENTS, DIM, generator=generator), dim=2)
    return x, means, 0.01 * (1 + torch.rand(means.shape, generator=generator))


def seconds(form: Form, inputs: tuple[Tensor, Tensor, Tensor], runs: int) -> float:
    """Median wall time of ``runs`` calls after one that warms up."""
    times = []
    for _ in range(runs + 1):
        start = time.perf_counter()
        form(*inputs)
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


def resident(field: str) -> float:
    """``VmRSS`` or ``VmHWM`` of this process, MiB."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field + ":")) / 1024


def measure_memory(name: str) -> float:
    """Peak MiB of one call beyond what this process held before it."""
    inputs = make_inputs(PIXELS)
    FORMS[name](*make_inputs(64))  # loads what the first call loads
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak starts anew from here
    before = resident("VmRSS")
    FORMS[name](*inputs)
    return resident("VmHWM") - before


def peak_mib(name: str, threads: int) -> float:
    """``measure_memory`` in a fresh process."""
    command = [sys.executable, __file__, "--threads", str(threads), "--peak-of", name]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, and compare with what is required; 0 when all of it is met, else 1."""
    parser = argparse.ArgumentParser(description="log_prob against the broadcast form")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="of torch; default: its own")
    parser.add_argument("--peak-of", choices=FORMS, help=argparse.SUPPRESS)  # what the fresh process is asked
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    torch.set_grad_enabled(False)
    if options.peak_of:
        print(measure_memory(options.peak_of))
        return 0

    inputs = make_inputs(PIXELS)
    difference = float((log_prob(*inputs) - broadcast(*inputs)).abs().max())
    time_of = {name: seconds(form, inputs, RUNS[name]) for name, form in FORMS.items()}
    peak_of = {name: peak_mib(name, options.threads) for name in FORMS}
    faster, share = time_of["broadcast"] / time_of["ours"], peak_of["ours"] / peak_of["broadcast"]

    print(
        f"{PIXELS:,} pixels, {CLASSES} classes x {COMPONENTS} components x {DIM} dimensions, float32, CPU,"
        f" {options.threads} thread{'s' * (options.threads != 1)}, torch {torch.__version__}"
    )
    print(f"median of {RUNS['ours']} and {RUNS['broadcast']} runs; memory: peak RSS of one call in a fresh process")
    print(f"\n{'':22}{'gmmbench':>12}{'broadcast':>12}{'ratio':>9}")
    print(f"{'seconds':22}{time_of['ours']:12.4f}{time_of['broadcast']:12.3f}{faster:9.1f}")
    print(f"{'extra peak MiB':22}{peak_of['ours']:12.1f}{peak_of['broadcast']:12.1f}{1 / share:9.1f}\n")
    requirements = {
        f"values agree to {MOST_DIFFERENCE} nat (largest difference {difference:.1e})": difference <= MOST_DIFFERENCE,
        f"at least {TIMES_FASTER} times faster": faster >= TIMES_FASTER,
        "a twentieth of the extra memory": share <= MEMORY_SHARE,
    }
    for requirement, met in requirements.items():
        print(f"{'met' if met else 'MISSED':8}{requirement}")
    return 0 if all(requirements.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
