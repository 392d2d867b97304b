# What every training shares. The hooks do nothing to a softmax twin that they do not do to a GMM model.
default_scope = "mmseg"
custom_imports = dict(imports=["gmmbench.models"])

default_hooks = dict(
    timer=dict(type="IterTimerHook"),
    logger=dict(type="LoggerHook", interval=50, log_metric_by_epoch=False),
    param_scheduler=dict(type="ParamSchedulerHook"),
    checkpoint=dict(type="CheckpointHook", by_epoch=False, interval=500, max_keep_ckpts=2),
)
custom_hooks = [
    dict(type="EMHook"),
    dict(type="SafeCheckpointHook"),
    dict(type="StopHook"),
]

# Scalars go to vis_data/; add dict(type="TensorboardVisBackend") for TensorBoard.
visualizer = dict(type="Visualizer", vis_backends=[dict(type="LocalVisBackend")])

env_cfg = dict(cudnn_benchmark=True, mp_cfg=dict(mp_start_method="fork", opencv_num_threads=0))
log_processor = dict(by_epoch=False)
log_level = "INFO"
resume = False
load_from = None
randomness = dict(seed=0)
