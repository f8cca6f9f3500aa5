"""Every method on every dataset, on the same splits and features: ``python -m benchmarks.prediction``."""
