"""The argument `preset` of the documented interface, and what comes with it."""

import warnings
from collections.abc import Iterator
from functools import partial

import pytest
import torch
from torch.utils.data import DataLoader, IterableDataset

from leo_bench import LatentEmbeddingOptimization, train_leo
from leo_bench.api import FITTING
from leo_bench.config import PRESETS
from leo_bench.errors import LeoBenchError


def batches(n: int, side: int = 28) -> list[tuple[torch.Tensor, ...]]:
    generator = torch.Generator().manual_seed(0)
    support, queries = (torch.rand(1, m, 1, side, side, generator=generator) for m in (3, 6))
    return [(support, torch.arange(3)[None], queries, torch.arange(3).repeat(2)[None])] * n


def test_a_preset_gives_its_settings_and_other_arguments_count_before_it() -> None:
    tuned = LatentEmbeddingOptimization(preset="tuned").settings
    assert {name: getattr(tuned, name) for name in PRESETS["tuned"]} == PRESETS["tuned"]
    assert tuned.n_way == 5
    changed = LatentEmbeddingOptimization(preset="tuned", inner_steps=3, width=8, latent_dim=32).settings
    assert (changed.inner_steps, changed.width, changed.latent_dim, changed.inner_lr) == (3, 8, 32, 1.0)
    documented = LatentEmbeddingOptimization().settings
    assert (documented.latent_dim, documented.inner_lr, documented.outer_lr, documented.inner_steps) == (
        64,
        0.01,
        0.001,
        5,
    )


@pytest.mark.parametrize(("side", "pool", "padding"), [(28, 1, 2), (105, 3, 0), (56, 2, 2)])
def test_a_preset_for_28x28_sees_larger_images_averaged(side: int, pool: int, padding: int) -> None:
    leo = LatentEmbeddingOptimization(preset="tuned", image_size=side)
    assert (leo.settings.first_pool, leo.settings.padding) == (pool, padding)
    assert leo.classifier.feature_dim == 256


def test_train_leo_follows_the_schedule_of_the_preset(monkeypatch: pytest.MonkeyPatch) -> None:
    step, rates = LatentEmbeddingOptimization.step, []

    def watched(leo: LatentEmbeddingOptimization, *batch: object) -> object:
        rates.append(leo.meta_optimizer.param_groups[0]["lr"])
        return step(leo, *batch)  # type: ignore[arg-type]

    monkeypatch.setattr(LatentEmbeddingOptimization, "step", watched)
    leo, losses = train_leo(3, batches(4), preset="tuned", width=4, latent_dim=16)  # type: ignore[arg-type]
    assert len(losses) == len(rates) == 4 and leo.settings.schedule == "one_cycle"
    assert rates[0] == pytest.approx(leo.settings.outer_lr / 25) and rates[-1] < 0.01 * leo.settings.outer_lr
    with pytest.raises(LeoBenchError, match="the data loader has no length"):
        train_leo(3, iter(batches(2)), preset="tuned", width=4, latent_dim=16)  # type: ignore[arg-type]
    with pytest.raises(LeoBenchError, match="the data loader has no length"):
        train_leo(3, DataLoader(Endless()), preset="tuned", width=4, latent_dim=16)


class Endless(IterableDataset[tuple[torch.Tensor, ...]]):
    """Tasks without a number, whose DataLoader has a length that cannot be asked for."""

    def __iter__(self) -> Iterator[tuple[torch.Tensor, ...]]:
        while True:
            yield tuple(part[0] for part in batches(1)[0])


@pytest.mark.parametrize("n", range(1, 8))
def test_a_schedule_is_followed_over_any_number_of_batches_but_three(n: int) -> None:
    tiny = {"preset": "tuned", "width": 4, "latent_dim": 16, "inner_steps": 1, "image_size": 16}
    if n == 3:
        with pytest.raises(LeoBenchError, match="over exactly 3 updates, one for each batch of the data loader"):
            train_leo(3, batches(n, 16), **tiny)  # type: ignore[arg-type]
    else:
        assert len(train_leo(3, batches(n, 16), **tiny)[1]) == n  # type: ignore[arg-type]


def test_a_leo_that_adapts_at_test_says_so_in_training_mode() -> None:
    leo = LatentEmbeddingOptimization(preset="tuned", width=4, latent_dim=16, inner_steps=1)
    support, labels = torch.rand(10, 1, 28, 28), torch.arange(5).repeat(2)
    with pytest.warns(UserWarning, match=r"takes no inner steps in training mode; call leo.eval\(\) first"):
        codes = leo.encode_task(support, labels)
        assert torch.equal(leo.inner_update(support, labels, codes), codes)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        codes = leo.eval().encode_task(support, labels)
        assert not torch.equal(leo.inner_update(support, labels, codes), codes)


@pytest.mark.parametrize(("preset", "part"), [("paper", "feature_norm"), ("maml", "learner")])
def test_a_preset_that_does_not_adapt_step_by_step_is_refused(preset: str, part: str) -> None:
    with pytest.raises(LeoBenchError, match=f"cannot have {part}; presets for it are documented, leo"):
        LatentEmbeddingOptimization(preset=preset)
    with pytest.raises(LeoBenchError, match="cannot have finetune_lr; leave it out"):
        LatentEmbeddingOptimization(finetune_lr=0.5)
    with pytest.raises(LeoBenchError, match="unknown preset 'tune'; did you mean 'tuned'"):
        LatentEmbeddingOptimization(preset="tune")


@pytest.mark.parametrize("preset", FITTING)
def test_each_preset_that_the_message_names_can_be_built(preset: str) -> None:
    assert LatentEmbeddingOptimization(preset=preset).num_classes == 5


def test_an_optimizer_that_cannot_be_built_is_refused() -> None:
    with pytest.raises(LeoBenchError, match="optimizer_cls is 'Adam': expected a class"):
        LatentEmbeddingOptimization(optimizer_cls="Adam")  # type: ignore[arg-type]
    assert LatentEmbeddingOptimization(optimizer_cls=partial(torch.optim.SGD, momentum=0.9)).meta_optimizer  # type: ignore[arg-type]
    with pytest.raises(LeoBenchError, match="optimizer_kwargs has lr; set outer_lr"):
        LatentEmbeddingOptimization(optimizer_kwargs={"lr": 0.1})
