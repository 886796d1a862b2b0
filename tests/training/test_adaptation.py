"""Effect of adaptation on answers: counted by hand, in a slow loop over episodes, and as it is recorded."""

import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from test_evaluate import BANK, LEO, Recorder, every_learner, numbered_bank, some_tests, used
from torch import Tensor

from leo_bench.config import make_settings
from leo_bench.data.episodes import EpisodeSpec, fixed_episodes, gather
from leo_bench.learners.factory import build
from leo_bench.learners.inner_loop import LoopStatistics
from leo_bench.learners.leo import Leo
from leo_bench.records import AdaptationRecord
from leo_bench.running.test_run import adaptation_record
from leo_bench.training import evaluate
from leo_bench.training.adaptation import compare_answers, join
from leo_bench.training.evaluate import score

LABELS = torch.tensor([0, 0, 1, 2])
ANSWERS = torch.tensor(
    [
        [[0, 1, 1, 0], [0, 2, 2, 1], [1, 0, 1, 1]],  # spoiled, corrected, right throughout, wrong in two ways
        [[0, 0, 0, 0], [1, 1, 1, 1], [0, 0, 0, 0]],  # the same at the end as before, whatever lies between
    ]
)


def test_answers_are_compared_before_the_first_step_and_after_the_last() -> None:
    found = compare_answers(ANSWERS, LABELS, None)
    assert found.changed.tolist() == [3, 0]
    assert found.corrected.tolist() == [1, 0]
    assert found.spoiled.tolist() == [1, 0]
    assert found.loop is None


def statistics(*before: float, after: float = 0.5) -> LoopStatistics:
    """Return statistics that rise by 1 from field to field, but for the loss after the loop."""
    values = torch.tensor(before)
    return LoopStatistics(values, torch.full_like(values, after), None, values + 3, values + 4)


def test_the_record_has_the_means_over_the_episodes_of_all_passes() -> None:
    parts = [
        compare_answers(ANSWERS, LABELS, statistics(1.0, 2.0)),
        compare_answers(ANSWERS[1:], LABELS, statistics(6.0)),
    ]
    record = adaptation_record(join(parts), n_queries=4)
    # 3 of 12 queries in 1 of 3 episodes change: one gets right and one wrong. The losses 1, 2 and 6 have mean 3.
    assert record.queries_changed == 3 / 12
    assert record.episodes_changed == pytest.approx(1 / 3)
    assert (record.corrected, record.spoiled) == pytest.approx((1 / 12, 1 / 12))
    assert (record.loss_before, record.loss_after, record.loss_finetuned) == (3, 0.5, None)
    assert (record.code_move, record.class_distance) == (6, 7)


def test_a_loop_that_diverged_is_recorded_without_the_values_that_are_not_finite() -> None:
    for lost in (math.inf, math.nan):
        record = adaptation_record(compare_answers(ANSWERS, LABELS, statistics(1.0, 2.0, after=lost)), n_queries=4)
        assert (record.loss_before, record.loss_after, record.code_move) == (1.5, None, 4.5)


def test_a_learner_that_gives_no_statistics_has_its_answers_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluate, "EPISODES_PER_PASS", 1)
    episodes = fixed_episodes(BANK, "lake", "test", EpisodeSpec(4, 2, 3), 5)
    (scores,) = score(Recorder(), numbered_bank(), [episodes])
    assert scores.adaptation is not None
    # It answers class 0 at first, which is right for 3 of 12 queries, and then the true class.
    assert scores.adaptation.changed.tolist() == scores.adaptation.corrected.tolist() == [9] * 5
    assert scores.adaptation.spoiled.tolist() == [0] * 5
    record = adaptation_record(scores.adaptation, 12)
    assert record == AdaptationRecord(queries_changed=0.75, episodes_changed=1, corrected=0.75, spoiled=0)


@every_learner
def test_the_effect_of_adaptation_is_that_of_a_slow_loop_over_episodes(
    changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluate, "EPISODES_PER_PASS", 2)  # 5 episodes end in the middle of a pass
    settings = make_settings({**changes, **({} if "learner" in changes else {"inner_lr": 5.0})})
    learner = used(settings)
    monkeypatch.setattr(
        torch.Tensor, "float", torch.Tensor.double
    )  # without rounding, batches answer as single ones do
    groups = some_tests(settings)
    found = [scores.adaptation for scores in score(learner.double(), BANK, groups)]
    if "learner" in changes:
        assert found == [None] * len(groups)
        return
    for episodes, adaptation in zip(groups, found, strict=True):
        assert adaptation is not None
        assert adaptation.loop is not None
        for index in range(5):
            support_x, support_y, query_x, query_y = gather(BANK.images, episodes[index : index + 1])
            assert isinstance(learner, Leo)
            with torch.no_grad():
                solution = learner.episode_solution(
                    support_x.double(), support_y, query_x.double(), episodes.spec.n_way
                )
            before, after = answers_of(solution.logits[0]), answers_of(solution.logits[-1])
            pairs = list(zip(before, after, query_y[0].tolist(), strict=True))
            assert adaptation.changed[index] == sum(old != new for old, new, _ in pairs)
            assert adaptation.corrected[index] == sum(old != right == new for old, new, right in pairs)
            assert adaptation.spoiled[index] == sum(old == right != new for old, new, right in pairs)
            first, last = solution.points[0][0].tolist(), solution.points[-1][0].tolist()
            moved = np.mean([math.dist(old, new) for old, new in zip(first, last, strict=True)])
            apart = np.mean([math.dist(one, other) for one, other in itertools.combinations(first, 2)])
            assert adaptation.loop.code_move[index].item() == pytest.approx(moved)
            assert adaptation.loop.class_distance[index].item() == pytest.approx(apart)
            assert [adaptation.loop.loss_before[index].item(), adaptation.loop.loss_after[index].item()] == (
                pytest.approx([loss.item() for loss in solution.losses()])
            )
    assert sum(int(adaptation.changed.sum()) for adaptation in found if adaptation) > 0


def answers_of(logits: Tensor) -> list[int]:
    """Return the classes with the highest logits; logits: [1, M, N]."""
    return [max(range(len(row)), key=row.__getitem__) for row in logits[0].tolist()]


@pytest.mark.parametrize("generated", ["head", "full"])
def test_fine_tuning_counts_for_answers_and_has_a_loss_of_its_own_but_moves_no_code(generated: str) -> None:
    changes = {**LEO, "generated": generated, "inner_lr": 5.0}
    codes_alone, both, weights_alone = (
        build(make_settings({**changes, **more}))
        for more in (
            {},
            {"finetune_steps": 2, "finetune_lr": 0.01},
            {"inner_steps": 0, "finetune_steps": 2, "finetune_lr": 0.01},
        )
    )
    for learner in (codes_alone, both, weights_alone):
        learner.load_state_dict(used(make_settings(changes)).state_dict(), strict=False)
    episodes = fixed_episodes(BANK, "lake", "test", EpisodeSpec(3, 2, 3), 10)
    records = []
    for learner in (codes_alone, both, weights_alone):
        (scores,) = score(learner, BANK, [episodes])
        assert scores.adaptation is not None
        records.append(adaptation_record(scores.adaptation, 9))
        gain = scores.accuracies[:, -1].mean() - scores.accuracies[:, 0].mean()
        assert records[-1].corrected - records[-1].spoiled == pytest.approx(gain)
    one, two, three = records
    assert (one.loss_before, one.loss_after, one.code_move) == (two.loss_before, two.loss_after, two.code_move)
    assert one.loss_finetuned is None
    assert two.loss_finetuned is not None and two.loss_after is not None and two.loss_finetuned < two.loss_after
    assert three.code_move == 0
    assert three.loss_before == three.loss_after == one.loss_before
    assert three.loss_finetuned is not None and three.loss_finetuned < three.loss_before


@pytest.mark.parametrize(
    "changes",
    [{"queries_changed": 1.5}, {"spoiled": -0.1}, {"loss_before": math.inf}, {"code_move": -1.0}, {"share": 0.5}],
    ids=str,
)
def test_a_record_that_cannot_be_is_refused(changes: dict[str, float]) -> None:
    values = {"queries_changed": 0.5, "episodes_changed": 1.0, "corrected": 0.25, "spoiled": 0.125}
    AdaptationRecord(**values)
    with pytest.raises(ValidationError):
        AdaptationRecord(**{**values, **changes})
