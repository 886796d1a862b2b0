"""Fixtures of the learners' tests."""

import pytest
import torch


@pytest.fixture
def float64(monkeypatch: pytest.MonkeyPatch) -> torch.dtype:
    """Lets a learner run in float64 from end to end: Conv-4 casts its features to float32, which here must not be."""
    monkeypatch.setattr(torch.Tensor, "float", torch.Tensor.double)
    return torch.float64
