_base_ = "mobilenetv2_mlp_softmax.py"
model = dict(classifier=dict(preset="gmmbench"))

# One run, seed 0, one CPU thread, in percent (AUROC, AP, FPR95); the spread over seeds was not measured.
expected = dict(
    _delete_=True,
    mIoU=61.50,
    camvid_ood=dict(gmm_lse=(93.20, 49.60, 30.74), energy=(93.76, 49.75, 26.67)),
    road_anomaly=dict(gmm_lse=(71.47, 17.88, 73.26), energy=(71.23, 17.25, 72.13)),
    tolerance=1.5,
)
