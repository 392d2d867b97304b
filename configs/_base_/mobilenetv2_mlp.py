# timm MobileNetV2 (ImageNet) and the MLP fusion head of SegFormer: each stage projected to the same
# width, brought to stride 4, concatenated and mixed by a 1x1 convolution.
norm_cfg = dict(type="BN", requires_grad=True)
model = dict(
    type="Segmentor",
    data_preprocessor=dict(
        type="SegDataPreProcessor",
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
        size=(240, 320),
    ),
    # weights="timm" downloads ImageNet weights by name; a path reads a local file.
    backbone=dict(type="TimmFeatures", name="mobilenetv2_100", out_indices=(1, 2, 3, 4), weights="timm"),
    decode_head=dict(
        type="SegformerHead",
        in_channels=[24, 32, 96, 320],
        in_index=[0, 1, 2, 3],
        channels=128,
        num_classes=11,
        norm_cfg=norm_cfg,
        dropout_ratio=0.1,
        align_corners=False,
        loss_decode=dict(type="CrossEntropyLoss", use_sigmoid=False, loss_weight=1.0, avg_non_ignore=True),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode="whole"),
)
