_base_ = "deeplabv3plus_r50_softmax.py"
model = dict(classifier=dict(preset="gmmbench"))
expected = None
