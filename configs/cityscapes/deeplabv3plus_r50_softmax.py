_base_ = ["../_base_/deeplabv3plus_r50.py", "../_base_/cityscapes.py", "../_base_/sgd.py", "../_base_/runtime_gpu.py"]
model = dict(
    data_preprocessor=dict(size=(768, 768)),
    decode_head=dict(num_classes=19),
    auxiliary_head=dict(num_classes=19),
    test_cfg=dict(mode="slide", crop_size=(768, 768), stride=(512, 512)),
)
expected = dict(
    mIoU=79.83,
    source=(
        "MMSegmentation deeplabv3plus/metafile.yaml, deeplabv3plus_r50-d8_4xb2-80k_cityscapes-769x769: "
        "published, not re-run; batches of 8, without class-balanced sampling"
    ),
)
