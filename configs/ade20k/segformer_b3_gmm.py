_base_ = "segformer_b3_softmax.py"
model = dict(classifier=dict(preset="gmmbench"))
expected = None
