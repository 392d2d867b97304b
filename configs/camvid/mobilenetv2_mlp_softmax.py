_base_ = ["../_base_/mobilenetv2_mlp.py", "../_base_/camvid.py", "../_base_/schedule.py", "../_base_/runtime.py"]

# In percent (AUROC, AP, FPR95), one CPU thread: seed 0 at the full schedule, and the mean of seeds 0, 1, 2 after 600
# steps (--set train_cfg.max_iters=600; standard deviations over the seeds: 1.0 mIoU; 0.8, 1.6, 5.6 on CamVid-OOD;
# 0.6, 0.7, 1.1 on RoadAnomaly).
expected = dict(
    after_600=dict(
        mIoU=48.68,
        camvid_ood=dict(energy=(92.96, 42.94, 30.93)),
        road_anomaly=dict(energy=(79.06, 27.26, 65.52)),
    ),
    iterations=3200,
    mIoU=61.00,
    camvid_ood=dict(energy=(92.54, 42.88, 29.40)),
    road_anomaly=dict(energy=(78.44, 27.52, 62.24)),
    tolerance=1.5,
)
