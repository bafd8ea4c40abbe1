"""Boosted trees of XGBoost and LightGBM -> ONNX."""
