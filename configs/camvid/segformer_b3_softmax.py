_base_ = [
    "../_base_/segformer_b3.py",
    "../_base_/camvid_gpu.py",
    "../_base_/adamw_segformer.py",
    "../_base_/runtime_gpu.py",
]
model = dict(data_preprocessor=dict(size=(360, 480)), decode_head=dict(num_classes=11))
