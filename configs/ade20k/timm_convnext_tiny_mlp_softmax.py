_base_ = [
    "../_base_/timm_convnext_tiny_mlp.py",
    "../_base_/ade20k.py",
    "../_base_/adamw_segformer.py",
    "../_base_/runtime_gpu.py",
]
model = dict(data_preprocessor=dict(size=(512, 512)), decode_head=dict(num_classes=150))
