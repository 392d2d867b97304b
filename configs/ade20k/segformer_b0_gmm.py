_base_ = "segformer_b0_softmax.py"
# GMMSeg as released: --set model.classifier.preset=official --set model.classifier.components=8
model = dict(classifier=dict(preset="gmmbench"))
expected = None
