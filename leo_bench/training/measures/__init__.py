"""Measures of trained models: what the relation network, the inner loop and the latent directions do.

relations, updates and directions are functions of tensors. observe runs a trained model on episodes, and compute makes
the named measures from that. No module that trains or scores imports this package, so it is no part of a run's numerics
digest.
"""
