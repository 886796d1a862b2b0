"""Timing of training steps on a GPU: what is timed and how often, without a GPU."""

import pytest
from tiny_bank import tiny_bank

from benchmarks import gpu
from benchmarks.gpu import BLOCKS, STEPS, Step, settings_for, timed
from leo_bench.config import make_settings

SIZES = {
    "image_size": 16,
    "n_way": 3,
    "n_query": 2,
    "latent_dim": 8,
    "width": 16,
    "val_every": 10**9,
    "n_val_episodes": 4,
}


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_a_training_is_as_long_as_its_timings(step: Step) -> None:
    for device, per_block in (("cpu", 2), ("cuda", 20)):
        settings = settings_for(step, device, "float32")
        assert settings.n_train_episodes == settings.meta_batch_size * per_block * (BLOCKS + 2)
        assert settings.val_every > settings.n_train_episodes


def test_a_row_has_the_seconds_of_one_update(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock ticks once a block of two updates, by 6 seconds: 3 seconds an update."""
    ticks = iter(range(0, 600, 6))
    monkeypatch.setattr(gpu.time, "perf_counter", lambda: next(ticks))
    settings = make_settings({**SIZES, "meta_batch_size": 2, "n_train_episodes": 2 * 2 * (BLOCKS + 2)}, "leo")
    rows = timed(Step("leo", "leo"), tiny_bank(), settings, graph=False)
    assert [row["seconds"] for row in rows] == [3] * BLOCKS
    assert {(row["step"], row["device"], row["episodes"], row["graph"]) for row in rows} == {("leo", "cpu", 2, False)}
