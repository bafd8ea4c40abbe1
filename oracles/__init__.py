"""The victims: ONNX classifiers served label-only behind a meter."""
