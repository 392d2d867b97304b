_base_ = ["../_base_/ocrnet_hr48.py", "../_base_/cityscapes.py", "../_base_/sgd.py", "../_base_/runtime_gpu.py"]
model = dict(
    data_preprocessor=dict(size=(768, 768)),
    decode_head=dict(num_classes=19),
    test_cfg=dict(mode="slide", crop_size=(768, 768), stride=(512, 512)),
)
expected = dict(
    mIoU=80.7,
    source=(
        "MMSegmentation ocrnet/metafile.yaml, ocrnet_hr48_4xb2-80k_cityscapes-512x1024: "
        "published, not re-run; batches of 8, another crop, without class-balanced sampling"
    ),
)
