"""PyTorch classifiers -> ONNX."""
