_base_ = [
    "../_base_/deeplabv3plus_r50.py",
    "../_base_/coco_stuff10k.py",
    "../_base_/sgd.py",
    "../_base_/runtime_gpu.py",
]
model = dict(
    data_preprocessor=dict(size=(512, 512)),
    decode_head=dict(num_classes=171),
    auxiliary_head=dict(num_classes=171),
)
