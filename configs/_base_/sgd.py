# MMSegmentation's optimiser for convolutional backbones (configs/_base_/schedules/schedule_80k.py and
# schedule_160k.py): SGD with polynomial decay. It trains Cityscapes with 8 images a batch at this rate, the other
# sets with 16. GMMSeg's own recipe for these architectures was not released.
optim_wrapper = dict(
    type="OptimWrapper",
    optimizer=dict(type="SGD", lr=0.01, momentum=0.9, weight_decay=0.0005),
    clip_grad=None,
)
param_scheduler = [dict(type="PolyLR", power=0.9, eta_min=1e-4, by_epoch=False, begin=0)]
