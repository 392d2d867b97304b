_base_ = "segformer_b0_softmax.py"
# GMMSeg as released: --set model.classifier.preset=official
model = dict(classifier=dict(preset="gmmbench"))
