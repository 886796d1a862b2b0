"""Meta-training and evaluation: the outer loop, its optimiser, scoring on fixed episodes."""
