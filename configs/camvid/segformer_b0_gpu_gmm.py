_base_ = "segformer_b0_gpu_softmax.py"
model = dict(classifier=dict(preset="gmmbench"))
