_base_ = ["../_base_/segformer_b0.py", "../_base_/camvid.py", "../_base_/schedule.py", "../_base_/runtime.py"]

# Transformers want a smaller step, and one for all parts where the backbone starts from scratch.
optim_wrapper = dict(optimizer=dict(lr=6e-4), paramwise_cfg=dict(_delete_=True, norm_decay_mult=0.0))
