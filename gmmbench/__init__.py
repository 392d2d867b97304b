"""gmmbench: open-world anomaly segmentation benchmarks with generative and discriminative models."""

__version__ = "0.1.0"
