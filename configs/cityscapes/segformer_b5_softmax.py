_base_ = [
    "../_base_/segformer_b5.py",
    "../_base_/cityscapes.py",
    "../_base_/adamw_segformer.py",
    "../_base_/runtime_gpu.py",
]
model = dict(
    data_preprocessor=dict(size=(768, 768)),
    decode_head=dict(num_classes=19),
    test_cfg=dict(mode="slide", crop_size=(768, 768), stride=(512, 512)),
)
expected = dict(
    mIoU=82.25,
    source=(
        "MMSegmentation segformer/metafile.yaml, segformer_mit-b5_8xb1-160k_cityscapes-1024x1024: "
        "published, not re-run; another schedule and crop, head of 256 channels, without class-balanced sampling"
    ),
)
