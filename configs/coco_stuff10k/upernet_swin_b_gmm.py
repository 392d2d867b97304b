_base_ = "upernet_swin_b_softmax.py"
model = dict(classifier=dict(preset="gmmbench"))
expected = dict(_delete_=True, mIoU=44.3, source="SSA-Seg (Ma et al., NeurIPS 2024), table 2: published, not re-run")
