"""A training that is stopped after any update and goes on from its snapshot ends with the bits of one never stopped."""

import json
from dataclasses import replace
from typing import Any

import pytest
import torch
from tiny_bank import tiny_bank
from torch import Tensor

from leo_bench.config import make_settings
from leo_bench.data.bank import ImageBank
from leo_bench.learners import LEARNERS
from leo_bench.learners.factory import build
from leo_bench.running.process import prepare
from leo_bench.training import outer_loop as train_module
from leo_bench.training.cuda_graph import GraphReplay
from leo_bench.training.outer_loop import train
from leo_bench.training.state import History, Snapshot, TrainingState

BANK = tiny_bank()
BASE: dict[str, Any] = {
    "dataset": "glyphs",
    "image_size": 16,
    "n_way": 3,
    "n_query": 2,
    "latent_dim": 8,
    "width": 16,
    "inner_steps": 1,
    "n_train_episodes": 16,
    "meta_batch_size": 2,
    "val_every": 8,
    "n_val_episodes": 4,
}
LEO: dict[str, Any] = {"decode": "class", "encoder": "shared"}
EVERYTHING: dict[str, Any] = {
    **LEO,
    "schedule": "one_cycle",
    "averaged_share": 0.5,
    "augmentation": "affine",
    "feature_dropout": 0.3,
    "latent": "gaussian",
}
"""Settings under which every part of a snapshot counts."""
CASES: dict[str, dict[str, Any]] = {
    "leo": LEO,
    "everything": EVERYTHING,
    "one cycle": {**LEO, "schedule": "one_cycle"},
    "average": {**LEO, "averaged_share": 0.5},
    "affine": {**LEO, "augmentation": "affine"},
    "dropout": {**LEO, "feature_dropout": 0.3},
    "drawn codes": {**LEO, "latent": "gaussian"},
    "drawn weights": {**LEO, "decoded_weights": "gaussian"},
    "whole CNN": {"generated": "full", "decode": "class"},
    "bfloat16": {**LEO, "precision": "bfloat16"},
    "maps that stay as they are": {**LEO, "decoder": "linear", "decoder_start": "encoder", "frozen_maps": True},
    "parts without gradient": {**LEO, "inner_steps": 0, "encoder": "separate"},
    **{name: {"learner": name} for name, entry in LEARNERS.items() if name != "leo" and entry.trains},
}


@pytest.fixture(autouse=True)
def points_every_six_episodes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the points of the curve after episodes 6, 12 and 16, so that stops fall on them and between them."""
    monkeypatch.setattr(train_module, "CURVE_EVERY", 6)


def trained(
    changes: dict[str, Any], start: Snapshot | None = None, bank: ImageBank = BANK
) -> tuple[dict[str, Tensor], History, list[Snapshot]]:
    """Return weights, learning curve, and a snapshot after each update but the last."""
    settings, snapshots = make_settings({**BASE, **changes}), []

    def keep(state: TrainingState) -> None:
        snapshots.append(through_json(state.snapshot()))

    learner = build(settings).to(bank.images.device)
    history = train(learner, bank, settings, None, start, keep)
    return learner.state_dict(), history, snapshots


def through_json(snapshot: Snapshot) -> Snapshot:
    return replace(snapshot, values=json.loads(json.dumps(snapshot.values)))


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return list(one) == list(other) and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("changes", CASES.values(), ids=CASES.keys())
def test_a_training_resumed_after_any_update_ends_with_the_same_bits(changes: dict[str, Any]) -> None:
    weights, history, snapshots = trained(changes)
    assert [snapshot.episode for snapshot in snapshots] == [2, 4, 6, 8, 10, 12, 14]
    for snapshot in snapshots:
        again, curve, later = trained(changes, snapshot)
        assert same(again, weights), snapshot.episode
        assert curve == history, snapshot.episode
        assert [point.episode for point in later] == list(range(snapshot.episode + 2, 16, 2))


def test_a_training_resumed_twice_ends_with_the_same_bits() -> None:
    weights, history, first = trained(EVERYTHING)
    _, _, second = trained(EVERYTHING, first[2])
    again, curve, _ = trained(EVERYTHING, second[1])
    assert second[1].episode == 10
    assert same(again, weights)
    assert curve == history


def test_snapshots_change_no_bit_and_do_not_change_afterwards() -> None:
    weights, history, snapshots = trained(EVERYTHING)
    settings = make_settings({**BASE, **EVERYTHING})
    learner = build(settings)
    assert train(learner, BANK, settings) == history
    assert same(learner.state_dict(), weights)
    _, _, again = trained(EVERYTHING, snapshots[0])  # the first was used, and all were kept while the training went on
    for one, other in zip(snapshots[1:], again, strict=True):
        assert same(one.tensors, other.tensors)
        assert one.values == other.values


def without(snapshot: Snapshot, part: str) -> Snapshot:
    """Return the snapshot with one part as it is at the start of a training; an average is then 0."""
    fresh = TrainingState(build(settings := make_settings({**BASE, **EVERYTHING})), settings, torch.device("cpu"))
    new, tensors = fresh.snapshot(), {n: t for n, t in snapshot.tensors.items() if n.partition(".")[0] != part}
    assert part in new.values or len(tensors) < len(snapshot.tensors)
    kept = {name: tensor for name, tensor in new.tensors.items() if name.partition(".")[0] == part}
    if part == "average":
        kept = {name: torch.zeros_like(t) for name, t in snapshot.tensors.items() if name.startswith("average.")}
    values = {**snapshot.values, **{name: value for name, value in new.values.items() if name == part}}
    return Snapshot({**tensors, **kept}, values)


@pytest.mark.parametrize(
    "part", ["learner", "optimizer", "average", "noise 0", "learning_rate", "episodes", "changes"], ids=str
)
def test_every_part_of_a_snapshot_decides_weights(part: str) -> None:
    weights, _, snapshots = trained(EVERYTHING)
    (at_ten,) = (snapshot for snapshot in snapshots if snapshot.episode == 10)
    assert same(trained(EVERYTHING, at_ten)[0], weights)
    assert not same(trained(EVERYTHING, without(at_ten, part))[0], weights)


@pytest.mark.parametrize("part", ["seen", "curve", "validation"])
def test_the_rest_of_a_snapshot_decides_the_curve_alone(part: str) -> None:
    weights, history, snapshots = trained(EVERYTHING)
    again, curve, _ = trained(EVERYTHING, without(snapshots[4], part))
    assert same(again, weights)
    assert (curve.curve == history.curve) is (part == "validation")
    assert (curve.validation == history.validation) is (part != "validation")


def test_a_resumed_training_is_recorded_anew_for_replay(monkeypatch: pytest.MonkeyPatch) -> None:
    weights, history, snapshots = trained(CASES["one cycle"])
    recorded = []

    class Calls:
        """Recorder that calls the function again at each replay."""

        def plain(self, function: Any, inputs: Any) -> Any:
            return function(*inputs)

        def record(self, function: Any, inputs: Any) -> Any:
            recorded.append(function)
            outputs = tuple(torch.zeros(()) for _ in range(3))

            def replay() -> None:
                for place, tensor in zip(outputs, function(*inputs), strict=True):
                    place.copy_(tensor)

            return replay, outputs

    monkeypatch.setattr(train_module, "graphed_on_gpu", lambda function, _: GraphReplay(function, Calls()))
    again, curve, _ = trained(CASES["one cycle"], snapshots[1])
    assert len(recorded) == 1
    assert same(again, weights)
    assert curve == history


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@pytest.mark.parametrize("changes", [CASES["one cycle"], EVERYTHING], ids=["by graph", "everything"])
def test_on_a_gpu_a_resumed_training_ends_with_the_same_bits(changes: dict[str, Any]) -> None:
    prepare(make_settings({**BASE, **changes, "device": "cuda"}))
    bank = replace(BANK, images=BANK.images.cuda())
    changes = {**changes, "device": "cuda"}
    weights, history, snapshots = trained(changes, bank=bank)
    for snapshot in (snapshots[0], snapshots[4]):
        again, curve, _ = trained(changes, snapshot, bank)
        assert same(again, weights)
        assert curve == history


def test_a_curve_can_be_seen_as_it_was() -> None:
    history = History([(4, 1.0, 0.5, 2.0), (8, 0.5, 0.6, 1.0)], [(6, 0.4, 0.3), (8, 0.7, 0.6)])
    assert history.episodes == [4, 6, 8]
    assert history.until(6) == History(history.curve[:1], history.validation[:1])
    assert history.until(8) == history
    assert history.until(3) == History()
