_base_ = ["../_base_/mobilenetv2_mlp.py", "../_base_/camvid.py", "../_base_/schedule.py", "../_base_/runtime.py"]
