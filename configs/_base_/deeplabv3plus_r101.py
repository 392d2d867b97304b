# DeepLabV3+ on a ResNet-101 of stride 8.
_base_ = "deeplabv3plus_r50.py"
model = dict(
    backbone=dict(
        depth=101, init_cfg=dict(checkpoint="https://mmassets.onedl.ai/pretrain/third_party/resnet101_v1c-e67eebb6.pth")
    )
)
