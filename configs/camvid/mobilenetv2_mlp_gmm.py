_base_ = "mobilenetv2_mlp_softmax.py"
model = dict(classifier=dict(preset="gmmbench"))

# Mean of seeds 0, 1, 2 after 600 steps (--set train_cfg.max_iters=600), one CPU thread, in percent (AUROC, AP, FPR95).
# Standard deviations over the seeds: 0.4 mIoU; 1.0, 3.6, 3.8 on CamVid-OOD; 1.8, 3.9, 2.7 on RoadAnomaly.
expected = dict(
    _delete_=True,
    iterations=600,
    mIoU=52.40,
    camvid_ood=dict(gmm_lse=(93.65, 50.33, 28.35)),
    road_anomaly=dict(gmm_lse=(76.79, 24.07, 62.59)),
    tolerance=4.0,
)
