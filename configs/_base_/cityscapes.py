# Cityscapes in crops of 768x768 for 80,000 iterations, the data of GMMSeg's released config
# (leonnnop/GMMSeg, segformer_mit-b5_gmmseg_768x768_80k_cityscapes.py). An experiment adds model.test_cfg: it is
# evaluated at full size by windows of the same size.
#
# batch_size counts images per GPU: published are 8 GPUs with 2 each, 16 in all. On one GPU that holds 16:
# --set train_dataloader.batch_size=16
crop_size = (768, 768)
train_dataloader = dict(
    batch_size=2,
    num_workers=4,
    sampler=dict(type="ClassBalancedSampler"),
    dataset=dict(
        type="ClosedSetDataset",
        name="cityscapes",
        root="data",
        split="train",
        pipeline=[
            dict(type="LoadSample"),
            # One pixel more than a frame has, as published.
            dict(type="RandomResize", scale=(2049, 1025), ratio_range=(0.5, 2.0), keep_ratio=True),
            dict(type="RandomCrop", crop_size=crop_size, cat_max_ratio=0.75),
            dict(type="RandomFlip", prob=0.5),
            dict(type="PhotoMetricDistortion"),
            dict(type="PackSegInputs"),
        ],
    ),
)
train_cfg = dict(type="IterBasedTrainLoop", max_iters=80000)
evaluation = dict(closed_set="cityscapes", short_side=None)
