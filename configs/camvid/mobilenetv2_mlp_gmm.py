_base_ = "mobilenetv2_mlp_softmax.py"
model = dict(classifier=dict(components=3, dim=64))
