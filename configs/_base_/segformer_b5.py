# SegFormer MiT-B5. The head is as wide as in GMMSeg's released configs (leonnnop/GMMSeg, configs/_gmmseg),
# 768 channels; MMSegmentation's own has 256.
_base_ = "segformer.py"
model = dict(
    backbone=dict(
        embed_dims=64,
        num_layers=[3, 6, 40, 3],
        init_cfg=dict(
            type="Pretrained",
            checkpoint="https://mmassets.onedl.ai/mmsegmentation/v0.5/pretrain/segformer/mit_b5_20220624-658746d9.pth",
        ),
    ),
    decode_head=dict(in_channels=[64, 128, 320, 512], channels=768),
)
