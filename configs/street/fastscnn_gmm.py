_base_ = "fastscnn_softmax.py"
model = dict(classifier=dict(components=3, dim=64))
