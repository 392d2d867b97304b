_base_ = [
    "../_base_/upernet_swin_s.py",
    "../_base_/cityscapes.py",
    "../_base_/adamw_swin.py",
    "../_base_/runtime_gpu.py",
]
model = dict(
    data_preprocessor=dict(size=(768, 768)),
    decode_head=dict(num_classes=19),
    auxiliary_head=dict(num_classes=19),
    test_cfg=dict(mode="slide", crop_size=(768, 768), stride=(512, 512)),
)
