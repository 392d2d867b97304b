_base_ = "segformer_b2_softmax.py"
model = dict(classifier=dict(preset="gmmbench"))
