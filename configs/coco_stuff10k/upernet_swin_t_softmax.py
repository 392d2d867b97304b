_base_ = [
    "../_base_/upernet_swin_t.py",
    "../_base_/coco_stuff10k.py",
    "../_base_/adamw_swin.py",
    "../_base_/runtime_gpu.py",
]
model = dict(
    data_preprocessor=dict(size=(512, 512)),
    decode_head=dict(num_classes=171),
    auxiliary_head=dict(num_classes=171),
)
expected = dict(mIoU=38.93, source="SSA-Seg (Ma et al., NeurIPS 2024), table 1: published, not re-run")
