"""The tool that follows a training to its NaN loss: where it stops, and what it shows."""

import sys
from pathlib import Path

import pytest
from results_fixture import make_plan, write_study
from tiny_bank import tiny_bank

from leo_bench.config.presets import make_settings
from leo_bench.errors import LeoBenchError
from tools import follow_nan
from tools.follow_nan import follow

BANK = tiny_bank()
SMALL = {
    "dataset": "glyphs",
    "image_size": 16,
    "n_way": 3,
    "n_query": 2,
    "width": 16,
    "n_train_episodes": 8,
    "meta_batch_size": 2,
    "n_val_episodes": 2,
}


def test_the_inner_loop_that_runs_away_is_shown() -> None:
    """With steps of 1,000 the drawn weights grow from a decoding to the next, until they are not finite."""
    episode, decodings = follow(make_settings({**SMALL, "inner_lr": 1000.0}, "paper"), BANK)
    assert 0 < episode <= 8 and episode % 2 == 0
    spreads = [one.log_deviation for one in decodings]
    assert spreads[1] > spreads[0]
    assert decodings[1].code > 10 * decodings[0].code


def test_a_training_that_ends_well_and_other_learners_are_refused() -> None:
    with pytest.raises(LeoBenchError, match="ended without"):
        follow(make_settings(SMALL, "paper"), BANK)
    with pytest.raises(LeoBenchError, match="draws no head"):
        follow(make_settings({**SMALL, "learner": "maml"}), BANK)


def test_a_run_that_cannot_be_followed_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = make_plan({"pixels": {"learner": "pixels", "n_train_episodes": 0}}, [0], numerics=None)
    folder = write_study(tmp_path, plan)
    for arguments, said in (
        (["other", "0"], "has no other with seed 0; variants: pixels"),
        (["pixels", "0"], "draws no head"),
    ):
        monkeypatch.setattr(sys, "argv", ["follow_nan", str(folder), *arguments])
        monkeypatch.setattr(follow_nan, "load_bank", lambda *_: None)
        with pytest.raises(SystemExit, match=said):
            follow_nan.main()
