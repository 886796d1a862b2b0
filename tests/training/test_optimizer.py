"""Schedule and average of the outer loop, followed by hand."""

from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import Adam

from leo_bench.config import Settings, make_settings
from leo_bench.config.constraints import NO_CYCLE
from leo_bench.errors import LeoBenchError
from leo_bench.training.optimizer import WeightAverage, load_moments, make_optimizer, make_schedule, moments

CPU = torch.device("cpu")


def settings(**changes: Any) -> Settings:
    return make_settings({"n_train_episodes": 60, "meta_batch_size": 2, "outer_lr": 0.01, **changes}, "leo")


def rates(**changes: Any) -> list[float]:
    """Return the learning rate of each of the 30 updates."""
    chosen = settings(**changes)
    optimizer = make_optimizer([nn.Parameter(torch.zeros(1))], chosen, CPU)
    schedule = make_schedule(optimizer, chosen)
    seen = []
    for _ in range(30):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if schedule:
            schedule.step()
    return seen


def test_a_constant_rate_stays() -> None:
    assert rates() == [0.01] * 30


@pytest.mark.parametrize("n_updates", range(1, 11))
def test_a_cycle_of_any_number_of_updates_that_settings_accept_can_be_followed(n_updates: int) -> None:
    try:
        chosen = settings(schedule="one_cycle", n_train_episodes=2 * n_updates)
    except LeoBenchError:
        assert n_updates == NO_CYCLE
        return
    optimizer = make_optimizer([nn.Parameter(torch.zeros(1))], chosen, CPU)
    schedule = make_schedule(optimizer, chosen)
    assert schedule is not None
    for _ in range(n_updates):
        optimizer.step()
        schedule.step()


def test_torch_cannot_make_the_cycle_that_settings_refuse() -> None:
    """If this fails, torch has mended it, and the settings need not refuse it."""
    chosen = settings(schedule="one_cycle").model_copy(update={"n_train_episodes": 2 * NO_CYCLE})
    with pytest.raises(ZeroDivisionError):
        make_schedule(make_optimizer([nn.Parameter(torch.zeros(1))], chosen, CPU), chosen)


def test_settings_refuse_no_cycle_of_a_learner_that_does_not_train() -> None:
    assert settings(learner="pixels", schedule="one_cycle", n_train_episodes=2 * NO_CYCLE).schedule == "one_cycle"


def test_one_cycle_rises_over_a_third_and_falls_to_nothing() -> None:
    seen = rates(schedule="one_cycle")
    assert seen[0] == pytest.approx(0.01 / 25)
    top = seen.index(max(seen))
    assert max(seen) == pytest.approx(0.01)
    assert top == 9  # the tenth of thirty
    assert all(a < b for a, b in pairwise(seen[: top + 1]))
    assert all(a > b for a, b in pairwise(seen[top:]))
    assert seen[-1] < 0.01 / 10_000
    # Half way down a cosine, from update 9 to update 29, is half way between its ends.
    assert seen[19] == pytest.approx(0.005, rel=0.001)


def test_the_average_is_the_mean_of_the_last_updates() -> None:
    model = nn.Sequential(nn.Linear(1, 1, bias=False), nn.BatchNorm1d(1))
    average = WeightAverage(model, settings(averaged_share=0.1))  # of 30 updates the last 3
    with torch.no_grad():
        for update in range(1, 31):
            model[0].weight.fill_(update**2)
            model[1].running_mean.fill_(update)
            average.update()
    average.apply()
    assert model[0].weight.item() == pytest.approx((28**2 + 29**2 + 30**2) / 3)
    assert model[1].running_mean.item() == pytest.approx(29)


def test_without_a_share_the_last_weights_stay() -> None:
    model = nn.Linear(1, 1)
    average = WeightAverage(model, settings())
    with torch.no_grad():
        for update in range(30):
            model.weight.fill_(update)
            average.update()
    average.apply()
    assert model.weight.item() == 29


@pytest.mark.parametrize("rate", [0.01, torch.tensor(0.01)], ids=["number", "tensor"])
def test_moments_go_on_in_a_new_optimiser_and_lie_in_memory_as_before(rate: float | torch.Tensor) -> None:
    def weight() -> nn.Parameter:
        return nn.Parameter(torch.ones(2, 3, 4, 4).to(memory_format=torch.channels_last))

    used, unused = weight(), weight()
    before = Adam([unused, used], lr=rate)  # what never has a gradient has no moments
    for update in range(3):
        used.grad = torch.full_like(used, update + 1.0)
        before.step()
    saved = {name: tensor.clone(memory_format=torch.contiguous_format) for name, tensor in moments(before).items()}
    assert set(saved) == {"1.step", "1.exp_avg", "1.exp_avg_sq"}
    # the first moment after gradients 1, 2, 3: 0.1 * (0.81 * 1 + 0.9 * 2 + 3)
    assert saved["1.exp_avg"].flatten()[0].item() == pytest.approx(0.561)

    copy = nn.Parameter(used.detach().clone())
    after = Adam([weight(), copy], lr=1.0 if isinstance(rate, float) else torch.tensor(1.0))
    load_moments(after, saved, 0.01)
    assert (
        after.state[copy]["exp_avg"].stride() == before.state[used]["exp_avg"].stride() != saved["1.exp_avg"].stride()
    )
    assert isinstance(after.param_groups[0]["lr"], type(rate))
    for parameter, optimizer in ((used, before), (copy, after)):
        parameter.grad = torch.full_like(parameter, 4.0)
        optimizer.step()
    assert torch.equal(copy, used)
    assert saved["1.step"].item() == 3  # the saved tensors are copies
