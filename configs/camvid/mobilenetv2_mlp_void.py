# The softmax model with void as one more class (Blum et al. 2019, arXiv 1904.03215): what CamVid labels as no class is
# class 11, and its share of the posterior is an anomaly score. No image of another data set is needed.
_base_ = ["../_base_/mobilenetv2_mlp.py", "../_base_/camvid.py", "../_base_/schedule.py", "../_base_/runtime.py"]
model = dict(decode_head=dict(num_classes=12))
train_dataloader = dict(dataset=dict(void=True))
evaluation = dict(void=True)

# In percent (AUROC, AP, FPR95), seed 0 after 600 steps (--set train_cfg.max_iters=600), one CPU thread.
expected = dict(
    iterations=600,
    mIoU=48.50,
    camvid_ood=dict(void=(89.89, 22.76, 32.27)),
    road_anomaly=dict(void=(78.85, 23.32, 59.45)),
    tolerance=4.0,
)
