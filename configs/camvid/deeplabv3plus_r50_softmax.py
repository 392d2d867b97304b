_base_ = ["../_base_/deeplabv3plus_r50.py", "../_base_/camvid_gpu.py", "../_base_/sgd.py", "../_base_/runtime_gpu.py"]
model = dict(
    data_preprocessor=dict(size=(360, 480)),
    decode_head=dict(num_classes=11),
    auxiliary_head=dict(num_classes=11),
)
