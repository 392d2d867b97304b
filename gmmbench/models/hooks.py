"""What happens around a training step."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
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

    def before_train(self, runner: Runner) -> None:
        """Scale memory and momentum to the schedule."""
        model = _unwrapped(runner)
        if isinstance(model, Segmentor) and isinstance(model.classifier, GMMClassifier):
            model.classifier.pace(runner.max_iters)

    def after_train_iter(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
        """Memory and M-step."""
        model = _unwrapped(runner)
        if isinstance(model, Segmentor):
            model.em_step()


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
            checkpoint["cuda_random_state"] = torch.cuda.get_rng_state_all()

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Remember the random state; weights alone (``load_from``) bring none."""
        self._resumed = checkpoint

    def before_train_iter(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
        """Restore the random state last: all that is built has drawn from it, the loader's iterator too."""
        resumed = self.__dict__.pop("_resumed", {})
        if "random_state" in resumed:
            torch.set_rng_state(resumed["random_state"].cpu())
        if "cuda_random_state" in resumed and torch.cuda.is_available():
            torch.cuda.set_rng_state_all([state.cpu() for state in resumed["cuda_random_state"]])


@HOOKS.register_module()
class StopHook(Hook):
    """Ctrl-C ends the training between two steps, with a checkpoint to resume from; twice ends it at once."""

    priority = "VERY_LOW"

    _previous: Any = None

    def before_train(self, runner: Runner) -> None:
        """Take over SIGINT, where a signal handler may be set."""
        self._asked = False
        if threading.current_thread() is threading.main_thread():
            self._previous = signal.signal(signal.SIGINT, self._ask)

    def after_train_iter(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
        """Stop here if asked to."""
        if not self._asked:
            return
        self._give_back()
        name = f"iter_{runner.iter + 1}.pth"
        runner.save_checkpoint(runner.work_dir, name, by_epoch=False)
        write_text(Path(runner.work_dir) / "last_checkpoint", str(Path(runner.work_dir) / name))
        raise KeyboardInterrupt(f"stopped after {runner.iter + 1} of {runner.max_iters} iterations")

    def after_train(self, runner: Runner) -> None:
        """Give SIGINT back."""
        self.release()

    def release(self) -> None:
        """Give SIGINT back, however the training ended."""
        self._give_back()

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
