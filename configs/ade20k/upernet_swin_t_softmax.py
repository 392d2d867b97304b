_base_ = ["../_base_/upernet_swin_t.py", "../_base_/ade20k.py", "../_base_/adamw_swin.py", "../_base_/runtime_gpu.py"]
model = dict(
    data_preprocessor=dict(size=(512, 512)),
    decode_head=dict(num_classes=150),
    auxiliary_head=dict(num_classes=150),
)
expected = dict(
    mIoU=44.41,
    source=(
        "MMSegmentation swin/metafile.yaml, swin-tiny-patch4-window7-in1k-pre_upernet_8xb2-160k_ade20k-512x512: "
        "published, not re-run; without class-balanced sampling"
    ),
)
