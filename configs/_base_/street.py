# Street scenes are drawn at 160x120 and shown to the network at twice that, so that FastSCNN's
# stride of 8 leaves a person more than one cell.
train_dataloader = dict(
    batch_size=6,
    num_workers=0,
    sampler=dict(type="SeededSampler"),
    dataset=dict(
        type="ClosedSetDataset",
        name="street",
        root="data",
        split="train",
        pipeline=[
            dict(type="LoadSample"),
            dict(type="RandomResize", scale=(320, 240), ratio_range=(0.8, 1.5), keep_ratio=True),
            dict(type="RandomCrop", crop_size=(192, 256), cat_max_ratio=0.9),
            dict(type="RandomFlip", prob=0.5),
            dict(type="PackSegInputs"),
        ],
    ),
)
evaluation = dict(closed_set="street", short_side=240)
