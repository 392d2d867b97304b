_base_ = ["../_base_/deeplabv3plus_r50.py", "../_base_/ade20k.py", "../_base_/sgd.py", "../_base_/runtime_gpu.py"]
model = dict(
    data_preprocessor=dict(size=(512, 512)),
    decode_head=dict(num_classes=150),
    auxiliary_head=dict(num_classes=150),
)
expected = dict(
    mIoU=43.95,
    source=(
        "MMSegmentation deeplabv3plus/metafile.yaml, deeplabv3plus_r50-d8_4xb4-160k_ade20k-512x512: "
        "published, not re-run; without class-balanced sampling"
    ),
)
