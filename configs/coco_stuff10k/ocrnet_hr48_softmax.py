_base_ = ["../_base_/ocrnet_hr48.py", "../_base_/coco_stuff10k.py", "../_base_/sgd.py", "../_base_/runtime_gpu.py"]
model = dict(data_preprocessor=dict(size=(512, 512)), decode_head=dict(num_classes=171))
expected = dict(mIoU=36.16, source="SSA-Seg (Ma et al., NeurIPS 2024), table 1: published, not re-run")
