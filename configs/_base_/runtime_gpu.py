# runtime.py for trainings of hours on a GPU or several.
_base_ = "runtime.py"
default_hooks = dict(checkpoint=dict(interval=2000))
# Two images a GPU are too few for batch norm; one process keeps plain BN.
sync_bn = "torch"
