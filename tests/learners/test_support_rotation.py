"""train_support=each: every image of a training episode takes its turn in the support set."""

from typing import Any

import pytest
import torch
from tiny_leo import K_SHOT, N_QUERY, N_WAY, random_batch, stirred, tiny
from torch import Tensor

from leo_bench.learners.support_rotation import SupportRotation, rotate_support


def test_the_turns_by_hand() -> None:
    # Two classes of three images each, in mixed order; with one shot there are three turns.
    table = torch.tensor([[10.0, 20.0, 11.0, 12.0, 21.0, 22.0]])[..., None]
    turns = rotate_support((table,), torch.tensor([[0, 1, 0, 0, 1, 1]]), n_way=2, k_shot=1)
    assert turns.support[0][..., 0].tolist() == [[10, 20], [11, 21], [12, 22]]
    assert turns.query[0][..., 0].tolist() == [[11, 12, 21, 22], [12, 10, 22, 20], [10, 11, 20, 21]]
    assert turns.support_y.tolist() == [[0, 1]] * 3
    assert turns.query_y.tolist() == [[0, 0, 1, 1]] * 3


def test_episodes_are_kept_apart_and_each_image_is_in_the_support_set_once() -> None:
    support_x, support_y, query_x, query_y = random_batch(3)
    images, labels = torch.cat([support_x, query_x], 1), torch.cat([support_y, query_y], 1)
    numbered = torch.arange(labels.numel()).view_as(labels)
    turns = rotate_support((numbered, images), labels, N_WAY, K_SHOT)
    support, query = turns.support[0], turns.query[0]
    n_turns = (K_SHOT + N_QUERY) // K_SHOT
    assert len(support) == 3 * n_turns
    assert sorted(support.flatten().tolist()) == list(range(labels.numel()))
    for row in range(len(support)):
        both = torch.cat([support[row], query[row]])
        assert sorted(both.tolist()) == numbered[row % 3].tolist()
        assert torch.equal(labels.flatten()[support[row]], turns.support_y[row])
        assert torch.equal(labels.flatten()[query[row]], turns.query_y[row])
    assert torch.equal(turns.support[1], images.flatten(0, 1)[support])


PARTS: dict[str, dict[str, Any]] = {
    "prototype classifier": {"learner": "protonet"},
    "LEO": {"decode": "class", "encoder": "shared"},
    "first order": {"decode": "class", "encoder": "shared", "second_order": False},
    "leave one out": {"decode": "class", "encoder": "shared", "inner_examples": "leave_one_out"},
    "with penalties and fine-tuning": {
        "decode": "class",
        "encoder": "shared",
        "decoder": "linear",
        "finetune_steps": 1,
        "encoder_penalty_weight": 1.0,
        "l2_weight": 0.1,
        "label_smoothing": 0.1,
    },
}


@pytest.mark.parametrize("changes", PARTS.values(), ids=list(PARTS))
def test_the_loss_is_the_mean_over_all_support_sets_of_the_ordinary_loss(
    changes: dict[str, Any], float64: torch.dtype
) -> None:
    # The CNN normalises by all images of an episode, whichever of them are support; so the loss of a turn is that of
    # the episode with its images dealt out anew.
    learner = stirred(tiny(**changes), float64).train()
    in_turns = stirred(tiny(**changes, train_support="each"), float64).train()
    batch = random_batch(dtype=float64)
    losses, accuracies = zip(*(learner.loss(*dealt, N_WAY) for dealt in all_deals(*batch)), strict=True)
    assert len(losses) == 2
    loss, accuracy = in_turns.loss(*batch, N_WAY)
    torch.testing.assert_close(loss, sum(losses) / 2)
    torch.testing.assert_close(accuracy, sum(accuracies) / 2)
    assert losses[0] != losses[1]
    loss.backward()
    (sum(losses) / 2).backward()
    for (name, one), other in zip(learner.named_parameters(), in_turns.parameters(), strict=True):
        assert one.grad is not None, name
        torch.testing.assert_close(other.grad, one.grad, rtol=1e-7, atol=1e-9)


def all_deals(support_x: Tensor, support_y: Tensor, query_x: Tensor, query_y: Tensor) -> list[tuple[Tensor, ...]]:
    """The meta-batch with the first, and then with the second pair of each class's four images as support set, image
    by image."""
    deals = []
    for turn in range(2):
        sets: list[list[list[Tensor]]] = [[], [], [], []]
        for episode in range(len(support_x)):
            own: list[list[Tensor]] = [[], [], [], []]
            for label in range(N_WAY):
                images = [
                    *support_x[episode][support_y[episode] == label],
                    *query_x[episode][query_y[episode] == label],
                ]
                for index, image in enumerate(images):
                    kind = 0 if index // K_SHOT == turn else 2
                    own[kind].append(image)
                    own[kind + 1].append(torch.tensor(label))
            for all_episodes, one in zip(sets, own, strict=True):
                all_episodes.append(one)
        deals.append(tuple(torch.stack([torch.stack(rows) for rows in part]) for part in sets))
    return deals


def test_answers_at_test_do_not_depend_on_it() -> None:
    support_x, support_y, query_x, _ = random_batch()
    for learner in ("leo", "protonet"):
        answers = []
        for train_support in ("first", "each"):
            settings = tiny(learner=learner, decode="class", train_support=train_support)
            with torch.no_grad():
                answers.append(stirred(settings).eval().episode_logits(support_x, support_y, query_x, N_WAY)[-1])
        assert torch.equal(*answers)


@pytest.mark.parametrize("learner", ["leo", "protonet"])
def test_support_sets_have_the_shots_of_training_and_not_those_of_the_test(
    learner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # 3-way, 2 shots in training and 2 queries: 4 images a class, two support sets; of 2 episodes that makes 4.
    made = []

    def recorded(*given: Any) -> SupportRotation:
        made.append(rotate_support(*given))
        return made[-1]

    monkeypatch.setattr(f"leo_bench.learners.{learner}.rotate_support", recorded)
    own = {"decode": "class", "encoder": "shared"} if learner == "leo" else {"learner": "protonet"}
    settings = tiny(**own, k_shot=1, train_k_shot=2, n_query=2, train_support="each")
    stirred(settings).train().loss(*random_batch(), N_WAY)
    (rotation,) = made
    assert list(rotation.query_y.shape) == [4, 6]
    assert list(rotation.support_y.shape) == [4, 6]
