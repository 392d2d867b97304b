# OCRNet (Yuan et al. 2020, arXiv 1909.11065) on HRNetV2-W48 as MMSegmentation has it. The first head gives
# coarse regions and keeps its own convolution; the classifier that is exchanged is the second head's.
# Losses average over labelled pixels; by MMSegmentation's default they divide by all, void ones too.
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
    ),
    backbone=dict(
        type="HRNet",
        norm_cfg=norm_cfg,
        norm_eval=False,
        extra=dict(
            stage1=dict(num_modules=1, num_branches=1, block="BOTTLENECK", num_blocks=(4,), num_channels=(64,)),
            stage2=dict(num_modules=1, num_branches=2, block="BASIC", num_blocks=(4, 4), num_channels=(48, 96)),
            stage3=dict(num_modules=4, num_branches=3, block="BASIC", num_blocks=(4, 4, 4), num_channels=(48, 96, 192)),
            stage4=dict(
                num_modules=3, num_branches=4, block="BASIC", num_blocks=(4, 4, 4, 4), num_channels=(48, 96, 192, 384)
            ),
        ),
        init_cfg=dict(
            type="Pretrained", checkpoint="https://mmassets.onedl.ai/pretrain/third_party/hrnetv2_w48-d2186c55.pth"
        ),
    ),
    decode_head=dict(
        type="OCRNetHead",
        in_channels=[48, 96, 192, 384],
        in_index=(0, 1, 2, 3),
        input_transform="resize_concat",
        channels=512,
        ocr_channels=256,
        first=dict(
            type="FCNHead",
            in_channels=[48, 96, 192, 384],
            in_index=(0, 1, 2, 3),
            input_transform="resize_concat",
            channels=720,
            kernel_size=1,
            num_convs=1,
            concat_input=False,
            dropout_ratio=-1,
            norm_cfg=norm_cfg,
            align_corners=False,
            loss_decode=dict(type="CrossEntropyLoss", use_sigmoid=False, loss_weight=0.4, avg_non_ignore=True),
        ),
        dropout_ratio=-1,
        norm_cfg=norm_cfg,
        align_corners=False,
        loss_decode=dict(type="CrossEntropyLoss", use_sigmoid=False, loss_weight=1.0, avg_non_ignore=True),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode="whole"),
)
