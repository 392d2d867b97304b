# timm ConvNeXt-T (Liu et al. 2022, arXiv 2201.03545; ImageNet-1k) and the MLP fusion head of SegFormer. Nobody
# published it: it stands for any timm backbone on the large sets.
_base_ = "segformer.py"
model = dict(
    # weights="timm" downloads ImageNet weights by name; a path reads a local file.
    backbone=dict(
        _delete_=True,
        type="TimmFeatures",
        name="convnext_tiny.fb_in1k",
        out_indices=(0, 1, 2, 3),
        weights="timm",
        drop_path_rate=0.1,
    ),
    decode_head=dict(in_channels=[96, 192, 384, 768]),
)
