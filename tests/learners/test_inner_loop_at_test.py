"""An inner loop that is longer, faster or warmer at test than in training, or runs at test alone."""

from typing import Any

import pytest
import torch
from tiny_leo import N_WAY, at_test, random_batch, stirred, tiny
from torch import Tensor

from leo_bench.errors import LeoBenchError
from leo_bench.learners.base import Learner
from leo_bench.learners.inner_loop import steps_to_score
from leo_bench.learners.leo import Leo
from leo_bench.running.checkpoint import trained_learner

LEO: dict[str, Any] = {"decode": "class", "encoder": "shared", "inner_steps": 5, "inner_lr": 0.5}


@pytest.mark.parametrize(
    ("n_steps", "expected"),
    [
        (0, [0]),
        (5, [0, 1, 2, 3, 4, 5]),
        (10, list(range(11))),
        (11, [0, 1, 5, 10, 11]),
        (20, [0, 1, 5, 10, 20]),
        (50, [0, 1, 5, 10, 20, 50]),
        (60, [0, 1, 5, 10, 20, 50, 60]),
        (1000, [0, 1, 5, 10, 20, 50, 100, 200, 500, 1000]),
    ],
)
def test_every_step_of_a_short_loop_is_scored_and_a_few_of_a_long_one(n_steps: int, expected: list[int]) -> None:
    assert steps_to_score(n_steps) == expected


def logits_of(learner: Learner) -> dict[int, Tensor]:
    """Inner step -> logits of one meta-batch."""
    support_x, support_y, query_x, _ = random_batch()
    with torch.no_grad():
        logits = learner.episode_logits(support_x, support_y, query_x, N_WAY)
    return dict(zip(learner.scored_steps, logits, strict=True))


def test_fifty_steps_pass_through_the_points_of_shorter_loops() -> None:
    settings = tiny(**LEO)
    weights = stirred(settings).state_dict()
    longer = logits_of(trained_learner(settings, weights, at_test(inner_steps=50)))
    assert list(longer) == [0, 1, 5, 10, 20, 50]
    for step in longer:
        shorter = logits_of(trained_learner(settings, weights, at_test(inner_steps=step)))
        assert max(shorter) == step
        assert torch.equal(shorter[step], longer[step])
    assert not torch.equal(longer[5], longer[50])


def test_without_steps_the_generator_answers_alone() -> None:
    settings = tiny(**LEO)
    learner = stirred(settings).eval()
    assert isinstance(learner, Leo)
    logits = logits_of(trained_learner(settings, learner.state_dict(), at_test(inner_steps=0)))
    assert list(logits) == [0]
    support_x, support_y, query_x, _ = random_batch()
    with torch.no_grad():
        support, query = (
            learner.classifier.extract_features(x.flatten(0, 1)).unflatten(0, (2, 6)) for x in (support_x, query_x)
        )
        codes = learner.class_codes(learner.encoder.encode(support_x, support), support_y, N_WAY)
        torch.testing.assert_close(logits[0], learner.logits(codes, query), rtol=1e-4, atol=1e-5)


def test_a_larger_step_size_moves_further_from_the_same_start() -> None:
    settings = tiny(**LEO)
    weights = stirred(settings).state_dict()
    trained, faster = (logits_of(trained_learner(settings, weights, at_test(inner_lr=lr))) for lr in (None, 1.0))
    assert torch.equal(trained[0], faster[0])
    double = stirred(tiny(**{**LEO, "inner_lr": 1.0}))
    double.load_state_dict(weights)
    assert torch.equal(logits_of(double.eval())[5], faster[5])
    assert not torch.equal(trained[1], faster[1])


def test_a_temperature_at_test_is_that_of_a_model_with_this_temperature() -> None:
    settings, warmer = tiny(**LEO), tiny(**LEO, inner_temperature=3.0)
    weights = stirred(settings).state_dict()
    found = logits_of(trained_learner(settings, weights, at_test(inner_temperature=3.0)))
    expected, trained = logits_of(trained_learner(warmer, weights)), logits_of(trained_learner(settings, weights))
    assert all(torch.equal(found[step], expected[step]) for step in expected)
    assert torch.equal(found[0], trained[0])
    assert not torch.equal(found[5], trained[5])


def test_an_inner_loop_at_test_alone_leaves_training_without_steps() -> None:
    losses, answers = {}, {}
    for name, changes in {
        "at test": {"adapts": "at_test"},
        "always": {},
        "never": {"inner_steps": 0},
    }.items():
        learner = stirred(tiny(**{**LEO, **changes}))
        losses[name] = learner.train().loss(*random_batch(), N_WAY)[0].item()
        answers[name] = logits_of(learner.eval())
    assert losses["at test"] == losses["never"] != losses["always"]
    assert torch.equal(answers["at test"][5], answers["always"][5])
    assert not torch.equal(answers["at test"][5], answers["at test"][0])


def test_learned_step_sizes_are_kept() -> None:
    settings = tiny(**{**LEO, "inner_lr_mode": "learned"})
    learner = stirred(settings)
    longer = trained_learner(settings, learner.state_dict(), at_test(inner_steps=50))
    assert torch.equal(longer.state_dict()["inner_rate.lr"], learner.state_dict()["inner_rate.lr"])
    assert torch.equal(logits_of(longer)[5], logits_of(learner.eval())[5])
    without = trained_learner(settings, learner.state_dict(), at_test(inner_steps=0))
    assert torch.equal(logits_of(without)[0], logits_of(learner)[0])


def test_fine_tuning_follows_the_longer_loop() -> None:
    settings = tiny(**{**LEO, "finetune_steps": 2, "finetune_lr": 0.3})
    weights = stirred(settings).state_dict()
    logits = logits_of(trained_learner(settings, weights, at_test(inner_steps=20)))
    assert list(logits) == [0, 1, 5, 10, 20, 21, 22]
    assert not torch.equal(logits[20], logits[22])
    assert list(logits_of(trained_learner(settings, weights))) == list(range(8))


def test_a_generated_cnn_is_scored_before_and_after_the_longer_loop() -> None:
    settings = tiny(**{**LEO, "generated": "full"})
    learner = stirred(settings)
    logits = logits_of(trained_learner(settings, learner.state_dict(), at_test(inner_steps=12)))
    assert list(logits) == [0, 12]
    assert torch.equal(logits[0], logits_of(learner.eval())[0])


def test_weights_of_another_model_are_refused() -> None:
    with pytest.raises(LeoBenchError, match="do not fit this source"):
        trained_learner(tiny(**LEO), stirred(tiny(**LEO, latent_dim=6)).state_dict())
