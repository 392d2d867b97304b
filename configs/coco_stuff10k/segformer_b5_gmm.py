_base_ = "segformer_b5_softmax.py"
# GMMSeg as released: --set model.classifier.preset=official
model = dict(classifier=dict(preset="gmmbench"))
expected = dict(_delete_=True, mIoU=44.81, source="leonnnop/GMMSeg, README: published, not re-run; preset official")
