_base_ = "upernet_swin_b_softmax.py"
model = dict(classifier=dict(preset="gmmbench"))
