_base_ = ["../_base_/segformer.py", "../_base_/camvid.py", "../_base_/schedule.py", "../_base_/runtime.py"]

# For two CPU cores: a head of half the width, and no ImageNet weights (model.backbone.init_cfg, see segformer_b0_gpu).
model = dict(data_preprocessor=dict(size=(240, 320)), decode_head=dict(channels=128, num_classes=11))
# Transformers want a smaller step, and one for all parts where the backbone starts from scratch.
optim_wrapper = dict(optimizer=dict(lr=6e-4), paramwise_cfg=dict(_delete_=True, norm_decay_mult=0.0))
