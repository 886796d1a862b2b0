"""Benchmarks: time and memory of training steps, and how they grow. `make bench` runs them; tests measure no time."""
