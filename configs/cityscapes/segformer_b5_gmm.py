_base_ = "segformer_b5_softmax.py"
model = dict(classifier=dict(preset="gmmbench"))
expected = None
