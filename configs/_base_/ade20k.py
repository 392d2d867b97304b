# ADE20K (150 classes) in crops of 512x512 for 160,000 iterations: MMSegmentation's pipeline, and the data of
# GMMSeg's released config (leonnnop/GMMSeg, segformer_mit-b5_gmmseg_512x512_160k_ade20k.py), which evaluates at
# 512 px, both sides rounded to multiples of 32.
#
# batch_size counts images per GPU: published are 8 GPUs with 2 each, 16 in all. On one GPU that holds 16:
# --set train_dataloader.batch_size=16
crop_size = (512, 512)
train_dataloader = dict(
    batch_size=2,
    num_workers=4,
    sampler=dict(type="ClassBalancedSampler"),
    dataset=dict(
        type="ClosedSetDataset",
        name="ade20k",
        root="data",
        split="train",
        pipeline=[
            dict(type="LoadSample"),
            dict(type="RandomResize", scale=(2048, 512), ratio_range=(0.5, 2.0), keep_ratio=True),
            dict(type="RandomCrop", crop_size=crop_size, cat_max_ratio=0.75),
            dict(type="RandomFlip", prob=0.5),
            dict(type="PhotoMetricDistortion"),
            dict(type="PackSegInputs"),
        ],
    ),
)
train_cfg = dict(type="IterBasedTrainLoop", max_iters=160000)
evaluation = dict(closed_set="ade20k", short_side=512, multiple=32)
