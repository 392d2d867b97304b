_base_ = "ocrnet_hr48_softmax.py"
model = dict(classifier=dict(preset="gmmbench"))
expected = dict(_delete_=True, mIoU=44.8, source="SSA-Seg (Ma et al., NeurIPS 2024), table 2: published, not re-run")
