"""The words for a run in trouble."""

import pytest

from leo_bench.config import make_settings
from leo_bench.training.troubleshooting import diverged, out_of_memory, stalled


@pytest.mark.parametrize(("n_way", "accuracy", "at_chance"), [(5, 0.21, True), (5, 0.23, False), (20, 0.06, True)])
def test_accuracy_near_one_in_n_way_is_at_chance(n_way: int, accuracy: float, at_chance: bool) -> None:
    assert bool(stalled(accuracy, make_settings({"n_way": n_way}, "leo"))) == at_chance


def test_the_remedy_for_chance_depends_on_how_it_decodes() -> None:
    assert "set decode to class" in stalled(0.2, make_settings({}))
    by_class = stalled(0.2, make_settings({}, "leo"))
    assert "latent_dim (now 64; 128)" in by_class
    assert "inner_steps (now 5; 7 to 10)" in by_class
    assert "more episodes" in by_class


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"latent_dim": 128}, "after training; raise inner_steps (now 5; 7 to 10) or train on more episodes"),
        ({"inner_steps": 7}, "after training; raise latent_dim (now 64; 128) or train on more episodes"),
        ({"latent_dim": 256, "inner_steps": 20}, "after training; train on more episodes"),
    ],
)
def test_nothing_is_to_be_raised_that_is_large_enough(changes: dict[str, int], words: str) -> None:
    assert stalled(0.2, make_settings(changes, "leo")).endswith(words)


def test_only_leo_is_told_to_change_leos_parts() -> None:
    assert stalled(0.2, make_settings({"learner": "pixels"})) == ""


def test_remedies_name_what_is_set_now() -> None:
    settings = make_settings({"inner_lr": 0.5, "meta_batch_size": 8})
    assert diverged("the loss became nan", settings).startswith(
        "the loss became nan; lower outer_lr (now 0.001) or inner_lr (now 0.5)"
    )
    assert "meta_batch_size (now 8)" in out_of_memory(settings)
