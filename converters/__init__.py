"""Other frameworks' classifiers become ONNX models."""
