# A scheduler without an end ends with the training (train_cfg.max_iters).
# Weight decay leaves out the head's norms (MMEngine lets custom_keys of the backbone overrule that).
# AdamW with a linear warm-up and polynomial decay; the backbone, pretrained, learns more slowly.
optim_wrapper = dict(
    type="OptimWrapper",
    optimizer=dict(type="AdamW", lr=2e-3, betas=(0.9, 0.999), weight_decay=0.01),
    paramwise_cfg=dict(norm_decay_mult=0.0, custom_keys=dict(backbone=dict(lr_mult=0.3))),
)
param_scheduler = [
    dict(type="LinearLR", start_factor=1e-3, by_epoch=False, begin=0, end=100),
    dict(type="PolyLR", power=0.9, eta_min=0.0, by_epoch=False, begin=100),
]
train_cfg = dict(type="IterBasedTrainLoop", max_iters=3200)
