_base_ = "mobilenetv2_mlp_softmax.py"
model = dict(classifier=dict(preset="gmmbench"))

# Mean of seeds 0, 1, 2 after 600 steps (--set train_cfg.max_iters=600), one CPU thread, in percent (AUROC, AP, FPR95).
# Standard deviations over the seeds: 0.7 mIoU; 0.7, 4.9, 2.6 on CamVid-OOD; 1.2, 1.3, 1.7 on RoadAnomaly.
expected = dict(
    _delete_=True,
    iterations=600,
    mIoU=52.56,
    camvid_ood=dict(gmm_lse=(92.47, 46.87, 34.40)),
    road_anomaly=dict(gmm_lse=(76.12, 22.19, 62.14)),
    tolerance=3.0,
)
