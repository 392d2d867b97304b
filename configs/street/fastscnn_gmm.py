_base_ = "fastscnn_softmax.py"
model = dict(classifier=dict(preset="gmmbench"))
