_base_ = [
    "../_base_/upernet_swin_s.py",
    "../_base_/camvid_gpu.py",
    "../_base_/adamw_swin.py",
    "../_base_/runtime_gpu.py",
]
model = dict(
    data_preprocessor=dict(size=(360, 480)),
    decode_head=dict(num_classes=11),
    auxiliary_head=dict(num_classes=11),
)
