_base_ = "ocrnet_hr48_softmax.py"
model = dict(classifier=dict(preset="gmmbench"))
expected = None
