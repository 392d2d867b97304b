# CamVid at 480x360, whole frames, sized for one GPU: 8,000 batches of 16 are some 350 passes over 367 frames.
# No published recipe: the optimisers are those of the large sets, the sampler is that of camvid.py.
crop_size = (360, 480)
train_dataloader = dict(
    batch_size=16,
    num_workers=8,
    sampler=dict(type="SeededSampler"),
    dataset=dict(
        type="ClosedSetDataset",
        name="camvid",
        root="data",
        split="train",
        pipeline=[
            dict(type="LoadSample"),
            dict(type="RandomResize", scale=(480, 360), ratio_range=(0.5, 2.0), keep_ratio=True),
            dict(type="RandomCrop", crop_size=crop_size, cat_max_ratio=0.75),
            dict(type="RandomFlip", prob=0.5),
            dict(type="PhotoMetricDistortion"),
            dict(type="PackSegInputs"),
        ],
    ),
)
train_cfg = dict(type="IterBasedTrainLoop", max_iters=8000)
# The size that was best on val for the models of camvid.py, see there; training sees the same scales here.
evaluation = dict(closed_set="camvid", short_side=480)
