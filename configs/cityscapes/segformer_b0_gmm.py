_base_ = "segformer_b0_softmax.py"
model = dict(classifier=dict(preset="gmmbench"))
expected = None
