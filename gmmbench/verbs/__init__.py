"""What the command line's verbs do, as functions: names and paths to saved rows."""

from gmmbench.verbs.closed import eval_closed
from gmmbench.verbs.compare import compare
from gmmbench.verbs.export import export_maps
from gmmbench.verbs.inspect import inspect
from gmmbench.verbs.measuring import Measuring
from gmmbench.verbs.ood import eval_maps, eval_model
from gmmbench.verbs.sets import OodSets
from gmmbench.verbs.setting import ProgressBar, quiet
from gmmbench.verbs.subject import OurModel, OutsideModel, subject_of

__all__ = [
    "Measuring",
    "OodSets",
    "OurModel",
    "OutsideModel",
    "ProgressBar",
    "compare",
    "eval_closed",
    "eval_maps",
    "eval_model",
    "export_maps",
    "inspect",
    "quiet",
    "subject_of",
]
