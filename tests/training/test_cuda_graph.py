"""Recording and replaying a step, with a recorder that needs no GPU: it notes the call and makes it again at replay."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from tiny_bank import tiny_bank
from torch import Tensor

from leo_bench.config import make_settings
from leo_bench.learners.factory import build
from leo_bench.running.process import prepare
from leo_bench.training import outer_loop as train_module
from leo_bench.training.cuda_graph import WARM_UP, Function, GraphReplay
from leo_bench.training.outer_loop import train


class Notes:
    """Behaves as a CUDA graph: recording executes nothing, a replay reads and writes the recorded tensors."""

    def __init__(self, n_outputs: int) -> None:
        self.n_outputs, self.n_recorded, self.n_plain = n_outputs, 0, 0

    def plain(self, function: Function, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        self.n_plain += 1
        return function(*inputs)

    def record(self, function: Function, inputs: tuple[Tensor, ...]) -> tuple[Callable[[], None], tuple[Tensor, ...]]:
        self.n_recorded += 1
        outputs = tuple(torch.full((), float("nan")) for _ in range(self.n_outputs))

        def replay() -> None:
            for place, tensor in zip(outputs, function(*inputs), strict=True):
                place.copy_(tensor)

        return replay, outputs


def test_every_call_does_the_work_once_on_its_own_inputs() -> None:
    notes, total = Notes(1), torch.zeros(())

    def add(x: Tensor) -> tuple[Tensor, ...]:
        total.add_(x)
        return (total,)

    replayed = GraphReplay(add, notes)
    sums = [float(replayed(torch.tensor(float(2**i)))[0]) for i in range(WARM_UP + 4)]
    assert sums == [2 ** (i + 1) - 1 for i in range(WARM_UP + 4)]
    assert (notes.n_plain, notes.n_recorded) == (WARM_UP, 1)


def test_what_was_returned_does_not_change_with_later_calls() -> None:
    replayed = GraphReplay(lambda x: (2 * x,), Notes(1))
    returned = [replayed(torch.tensor(float(i)))[0] for i in range(WARM_UP + 3)]
    assert [float(value) for value in returned] == [2.0 * i for i in range(WARM_UP + 3)]


SIZES = {
    "meta_batch_size": 2,
    "val_every": 4,
    "n_val_episodes": 4,
    "image_size": 16,
    "n_way": 3,
    "n_query": 2,
    "latent_dim": 8,
    "width": 16,
    "n_train_episodes": 16,
}


def test_training_by_replay_is_training(monkeypatch: pytest.MonkeyPatch) -> None:
    settings, bank, notes = make_settings(SIZES, "leo"), tiny_bank(), Notes(3)
    plain, replayed = build(settings), build(settings)
    history = train(plain, bank, settings)
    monkeypatch.setattr(train_module, "graphed_on_gpu", lambda function, device: GraphReplay(function, notes))
    again = train(replayed, bank, settings)
    assert notes.n_recorded == 1
    assert again == history
    for name, tensor in plain.state_dict().items():
        assert torch.equal(tensor, replayed.state_dict()[name]), name


def test_what_draws_noise_is_not_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A graph would draw the same numbers at each replay."""
    monkeypatch.setattr(train_module, "graphed_on_gpu", lambda *_: pytest.fail("recorded"))
    settings = make_settings({**SIZES, "feature_dropout": 0.5}, "leo")
    train(build(settings), tiny_bank(), settings)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"generated": "full"},
        {"precision": "bfloat16", "encoder": "shared"},
        {"encoder": "shared", "train_support": "each", "padding": 2, "schedule": "one_cycle"},
        {"learner": "protonet"},
        {"learner": "maml"},
        {"learner": "maml", "second_order": False, "transductive": True},
        {"learner": "meta_sgd"},
        {"learner": "anil"},
        {"learner": "reptile", "inner_steps": 2},
    ],
    ids=str,
)
def test_on_a_gpu_training_by_graph_is_training_step_by_step(
    changes: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    preset = "documented" if "learner" in changes else "leo"
    settings = make_settings({**SIZES, **changes, "device": "cuda"}, preset)
    prepare(settings)
    bank = tiny_bank()
    bank = replace(bank, images=bank.images.cuda())
    by_graph, by_step = build(settings).cuda(), build(settings).cuda()
    history = train(by_graph, bank, settings)
    monkeypatch.setattr(train_module, "graphed_on_gpu", lambda function, device: function)
    assert train(by_step, bank, settings) == history
    for name, tensor in by_step.state_dict().items():
        assert torch.equal(tensor, by_graph.state_dict()[name]), name
