# COCO-Stuff 10k (171 classes): as ADE20K, for 80,000 iterations and evaluated at 512 px without rounding, as in
# GMMSeg's released config (leonnnop/GMMSeg, segformer_mit-b5_gmmseg_512x512_80k_cocostuff10k.py).
_base_ = "ade20k.py"
train_dataloader = dict(dataset=dict(name="coco_stuff10k"))
train_cfg = dict(max_iters=80000)
evaluation = dict(_delete_=True, closed_set="coco_stuff10k", short_side=512)
