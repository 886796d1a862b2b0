"""Queries of a transductive method that are answered one at a time."""

from typing import Any

import pytest
import torch
from tiny_leo import N_WAY, random_batch, stirred, tiny

from leo_bench.config import make_settings, planned_tests
from leo_bench.config.test_settings import test_key as key_of
from leo_bench.errors import LeoBenchError
from leo_bench.training.answering_alone import answering_alone
from leo_bench.training.answering_once import answering_once


@pytest.mark.parametrize("learner", ["maml", "meta_sgd", "reptile"])
def test_a_query_alone_has_the_answer_of_an_episode_without_other_queries(learner: str) -> None:
    together = stirred(tiny(learner=learner, transductive=True)).eval()
    alone = answering_alone(together)
    support_x, support_y, query_x, _ = random_batch(2)
    with torch.no_grad():
        found = alone.logits_from_features((support_x,), support_y, (query_x,), N_WAY)
        once = answering_once(alone).logits_from_features((support_x,), support_y, (query_x,), N_WAY)
        whole = together.episode_logits(support_x, support_y, query_x, N_WAY)
        for index in range(query_x.shape[1]):
            expected = together.episode_logits(support_x, support_y, query_x[:, index : index + 1], N_WAY)
            for step, one in zip(found, expected, strict=True):
                torch.testing.assert_close(step[:, index : index + 1], one, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(once[-1], found[-1], rtol=1e-4, atol=1e-5)
    assert not torch.allclose(found[-1], whole[-1], atol=1e-3)
    assert (alone.batch_norm, together.batch_norm) == ("query", "transductive")


def test_queries_alone_are_another_test_of_the_same_training() -> None:
    values: dict[str, Any] = {"learner": "maml", "transductive": True}
    together, alone = (make_settings({**values, "test_queries": given}) for given in ("together", "alone"))
    assert together.run_key == alone.run_key
    one, other = planned_tests(together)[0], planned_tests(alone)[0]
    assert key_of(together.run_key, one) != key_of(together.run_key, other)
    assert one.method != other.method
    assert other.name == f"{one.name}, queries alone"
    assert one == planned_tests(make_settings(values))[0]  # the keys of tests from before there was a choice


def test_queries_alone_are_refused_where_they_change_nothing() -> None:
    with pytest.raises(LeoBenchError, match="test_queries=alone is for transductive=true"):
        make_settings({"learner": "maml", "test_queries": "alone"})
