_base_ = "upernet_swin_t_softmax.py"
model = dict(classifier=dict(preset="gmmbench"))
