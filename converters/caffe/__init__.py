"""Caffe nets: prototxt and caffemodel -> ONNX, and back."""
