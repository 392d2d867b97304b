_base_ = [
    "../_base_/segformer_b4.py",
    "../_base_/coco_stuff10k.py",
    "../_base_/adamw_segformer.py",
    "../_base_/runtime_gpu.py",
]
model = dict(data_preprocessor=dict(size=(512, 512)), decode_head=dict(num_classes=171))
