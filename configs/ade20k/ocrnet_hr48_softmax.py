_base_ = ["../_base_/ocrnet_hr48.py", "../_base_/ade20k.py", "../_base_/sgd.py", "../_base_/runtime_gpu.py"]
model = dict(data_preprocessor=dict(size=(512, 512)), decode_head=dict(num_classes=150))
expected = dict(
    mIoU=43.25,
    source=(
        "MMSegmentation ocrnet/metafile.yaml, ocrnet_hr48_4xb4-160k_ade20k-512x512: "
        "published, not re-run; without class-balanced sampling"
    ),
)
