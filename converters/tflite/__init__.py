"""TFLite classifiers -> ONNX."""
