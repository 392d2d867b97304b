# The softmax model with void as one more class (Blum et al. 2019, arXiv 1904.03215): what CamVid labels as no class is
# class 11, and its share of the posterior is an anomaly score. No image of another data set is needed.
_base_ = ["../_base_/mobilenetv2_mlp.py", "../_base_/camvid.py", "../_base_/schedule.py", "../_base_/runtime.py"]
model = dict(decode_head=dict(num_classes=12))
train_dataloader = dict(dataset=dict(void=True))
evaluation = dict(void=True)
