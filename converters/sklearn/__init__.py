"""scikit-learn classifiers -> ONNX."""
