"""TensorFlow graphs -> ONNX."""
