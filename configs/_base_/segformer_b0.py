# SegFormer MiT-B0. The ImageNet weights are MMSegmentation's; a path reads a file that lies here already:
# --set model.backbone.init_cfg.checkpoint=/path/to/mit_b0.pth
_base_ = "segformer.py"
model = dict(
    backbone=dict(
        init_cfg=dict(
            type="Pretrained",
            checkpoint="https://mmassets.onedl.ai/mmsegmentation/v0.5/pretrain/segformer/mit_b0_20220624-7e0fe6dd.pth",
        )
    )
)
