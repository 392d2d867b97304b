_base_ = "segformer_b1_softmax.py"
model = dict(classifier=dict(preset="gmmbench"))
expected = None
