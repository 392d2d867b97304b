# The optimiser of SegFormer, and of GMMSeg's released configs: AdamW, linear warm-up, linear decay, the head ten
# times as fast. The first key of custom_keys that a parameter's name contains counts, longer keys before shorter
# ones and then in alphabetical order: "head" before "norm", so that the head's norms decay, as published.
# A scheduler without an end ends with the training (train_cfg.max_iters).
optim_wrapper = dict(
    type="OptimWrapper",
    optimizer=dict(type="AdamW", lr=6e-5, betas=(0.9, 0.999), weight_decay=0.01),
    paramwise_cfg=dict(
        custom_keys=dict(pos_block=dict(decay_mult=0.0), norm=dict(decay_mult=0.0), head=dict(lr_mult=10.0))
    ),
)
param_scheduler = [
    dict(type="LinearLR", start_factor=1e-6, by_epoch=False, begin=0, end=1500),
    dict(type="PolyLR", power=1.0, eta_min=0.0, by_epoch=False, begin=1500),
]
