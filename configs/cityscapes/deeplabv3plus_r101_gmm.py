_base_ = "deeplabv3plus_r101_softmax.py"
model = dict(classifier=dict(preset="gmmbench"))
expected = None
