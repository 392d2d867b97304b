"""What happens around a training step."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import all_reduce, barrier, broadcast, is_main_process
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.registry import HOOKS
from mmengine.runner import Runner

from gmmbench.atomic import write_text
from gmmbench.gmm import GMMClassifier
from gmmbench.models.segmentor import Segmentor


@HOOKS.register_module()
class EMHook(Hook):
    """Runs the M-step after each optimiser step. A softmax twin passes through it untouched."""

    priority = "ABOVE_NORMAL"  # before EMAHook, whose average takes over the mixtures as they then are

    def before_train(self, runner: Runner) -> None:
        """Scale memory and momentum to the schedule, which EM counts in optimiser steps."""
        model = _unwrapped(runner)
        if isinstance(model, Segmentor) and isinstance(model.classifier, GMMClassifier):
            accumulated = runner.cfg.get("optim_wrapper", {}).get("accumulative_counts", 1)
            model.classifier.pace(-(-runner.max_iters // accumulated))

    def after_train_iter(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
        """Memory and M-step, where this iteration's gradients were not only accumulated."""
        model = _unwrapped(runner)
        if not isinstance(model, Segmentor) or not runner.optim_wrapper.should_update():
            return
        model.em_step()
        if isinstance(model.classifier, GMMClassifier):
            # All processes fitted the same pixels, but a GPU's sums are not rounded alike each time, and what
            # differs would grow. Alone, this does nothing.
            for buffer in model.classifier.mixture.buffers():
                broadcast(buffer.view(torch.uint8) if buffer.dtype == torch.bool else buffer)


@HOOKS.register_module()
class SafeCheckpointHook(Hook):
    """Keeps checkpoints readable with ``weights_only=True`` and complete enough to resume exactly.

    MMEngine stores its message hub, log buffers that only unpickling can restore; they are left out
    and start anew on resume. Torch's random state (dropout) is put in.
    """

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Swap the message hub for the random state."""
        checkpoint["message_hub"] = {"log_scalars": {}, "runtime_info": {}, "resumed_keys": {}}
        checkpoint["random_state"] = torch.get_rng_state()
        if torch.cuda.is_available():
            # Of this process's GPU: every process has the same seed and draws as often.
            checkpoint["cuda_random_state"] = torch.cuda.get_rng_state()

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Remember the random state; weights alone (``load_from``) bring none."""
        self._resumed = checkpoint

    def before_train_iter(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
        """Restore the random state last: all that is built has drawn from it, the loader's iterator too."""
        resumed = self.__dict__.pop("_resumed", {})
        if "random_state" in resumed:
            torch.set_rng_state(resumed["random_state"].cpu())
        if "cuda_random_state" in resumed and torch.cuda.is_available():
            state = resumed["cuda_random_state"]  # checkpoints of before had a list, one state a GPU
            torch.cuda.set_rng_state((state[0] if isinstance(state, list) else state).cpu())


@HOOKS.register_module()
class StopHook(Hook):
    """Ctrl-C ends the training between two steps, with a checkpoint to resume from; twice ends it at once.

    Of several processes all stop after the same step, whichever of them was told first.
    """

    priority = "VERY_LOW"

    _previous: Any = None

    def before_train(self, runner: Runner) -> None:
        """Take over SIGINT, where a signal handler may be set."""
        self._asked = False
        if threading.current_thread() is threading.main_thread():
            self._previous = signal.signal(signal.SIGINT, self._ask)

    def after_train_iter(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
        """Stop here if asked to, unless gradients are still being gathered for a step: they would be lost."""
        if not runner.optim_wrapper.should_update() or not self._anyone_asked():
            return
        name = f"iter_{runner.iter + 1}.pth"
        runner.save_checkpoint(runner.work_dir, name, by_epoch=False)
        if is_main_process():
            write_text(Path(runner.work_dir) / "last_checkpoint", str(Path(runner.work_dir) / name))
        barrier()  # a launcher ends the others when the first process leaves
        self._give_back()
        raise KeyboardInterrupt(f"stopped after {runner.iter + 1} of {runner.max_iters} iterations")

    def after_train(self, runner: Runner) -> None:
        """Give SIGINT back."""
        self.release()

    def release(self) -> None:
        """Give SIGINT back, however the training ended."""
        self._give_back()

    def _anyone_asked(self) -> bool:
        asked = torch.tensor(int(self._asked))
        all_reduce(asked, op="max")
        return bool(asked)

    def _ask(self, number: int, frame: Any) -> None:
        if self._asked:
            self._give_back()
            raise KeyboardInterrupt
        self._asked = True

    def _give_back(self) -> None:
        if self._previous is not None:
            signal.signal(signal.SIGINT, self._previous)
            self._previous = None


class ProgressHook(Hook):
    """Tells somebody how far the training is.

    Args:
        tell: called after each step with (steps done, steps in all, the loss in words).
    """

    priority = "VERY_LOW"

    def __init__(self, tell: Callable[[int, int, str], None]) -> None:
        self.tell = tell

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: dict[str, Any] | None = None
    ) -> None:
        """Tell."""
        loss = (outputs or {}).get("loss")
        self.tell(runner.iter + 1, runner.max_iters, "" if loss is None else f"loss {float(loss.detach()):.3f}")


def _unwrapped(runner: Runner) -> Any:
    return runner.model.module if is_model_wrapper(runner.model) else runner.model
