"""Benchmarks: what a training step costs and how that grows. `make bench` runs them; tests never measure time."""
