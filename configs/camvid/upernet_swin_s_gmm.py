_base_ = "upernet_swin_s_softmax.py"
model = dict(classifier=dict(preset="gmmbench"))
