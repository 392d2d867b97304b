_base_ = [
    "../_base_/segformer_b2.py",
    "../_base_/ade20k.py",
    "../_base_/adamw_segformer.py",
    "../_base_/runtime_gpu.py",
]
model = dict(data_preprocessor=dict(size=(512, 512)), decode_head=dict(num_classes=150))
expected = dict(
    mIoU=45.58,
    source=(
        "MMSegmentation segformer/metafile.yaml, segformer_mit-b2_8xb2-160k_ade20k-512x512: "
        "published, not re-run; without class-balanced sampling"
    ),
)
