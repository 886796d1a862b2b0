"""Pretraining: a Conv-4 that was trained to tell all training characters apart (Chen et al. 2019, "A Closer Look at
Few-shot Classification", the baseline)."""

from leo_bench.learners.protonet import ProtoNet


class Pretrained(ProtoNet):
    """A Conv-4 trained as a classifier of all training classes by leo_bench.training.pretraining.

    The classifier itself is dropped. At test the nearest class mean answers, or another classifier on the features:
    with test_head=logistic_regression this is pretraining with a linear head.
    """
