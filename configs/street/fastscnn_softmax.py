_base_ = ["../_base_/fastscnn.py", "../_base_/street.py", "../_base_/schedule.py", "../_base_/runtime.py"]

# From scratch, in minutes: the backbone learns as fast as the head.
optim_wrapper = dict(optimizer=dict(lr=3e-3), paramwise_cfg=dict(_delete_=True, norm_decay_mult=0.0))
train_cfg = dict(max_iters=300)
