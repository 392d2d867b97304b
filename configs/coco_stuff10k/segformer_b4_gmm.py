_base_ = "segformer_b4_softmax.py"
model = dict(classifier=dict(preset="gmmbench"))
