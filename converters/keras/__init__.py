"""Keras classifiers -> ONNX."""
