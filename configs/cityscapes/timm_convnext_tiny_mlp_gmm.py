_base_ = "timm_convnext_tiny_mlp_softmax.py"
model = dict(classifier=dict(preset="gmmbench"))
