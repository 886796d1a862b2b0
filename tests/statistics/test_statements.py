"""Statements about one number: their p by hand, Holm over a family, and the rate of false verdicts at the bound."""

import math

import numpy as np
import pytest

from benchmarks.false_claims import LOOKS, Page, false_rate
from leo_bench.statistics import (
    Difference,
    Statement,
    accuracy_estimate,
    combine,
    decide,
    fitted_change,
    mean_estimate,
    pooled,
    seed_and_episode_interval,
)


def at(t: float, bound: float = 0.0, scale: float = 0.01) -> Difference:
    """Three seeds (2 degrees of freedom) with a mean t standard errors above a bound."""
    return Difference(bound + t * scale, 3 * scale**2, 2, 3, 0.0)


def t_of(p: float) -> float:
    """The t with one-sided p at 2 degrees of freedom: p = 1/2 - t / (2 sqrt(2 + t^2)), solved for t."""
    share = 1 - 2 * p
    return share * math.sqrt(2) / math.sqrt(1 - share**2)


def test_p_of_one_bound_by_the_closed_form_of_two_degrees_of_freedom() -> None:
    holds, fails = Statement(above=0.5).p_values(at(2.0, 0.5))
    assert holds == pytest.approx(0.5 - 2 / (2 * math.sqrt(6)))
    assert fails == pytest.approx(1 - holds)
    assert Statement(below=0.5).p_values(at(2.0, 0.5)) == pytest.approx((fails, holds))


def test_between_two_bounds_both_must_be_kept_and_either_may_be_broken() -> None:
    inside = Statement(above=-0.03, below=0.05).p_values(at(0.0))
    assert inside[0] == pytest.approx(0.5 - 3 / (2 * math.sqrt(11)))  # the nearer bound, 3 standard errors away
    assert inside[1] == 1.0  # both ends are far, and a p is at most 1
    beyond = Statement(above=-0.03, below=0.05).p_values(at(8.0))
    assert beyond[1] == pytest.approx(2 * (0.5 - 3 / (2 * math.sqrt(11))))  # twice, since it may be on either side


@pytest.mark.parametrize(
    ("bounds", "met"),
    [
        ({"above": 1.0, "below": 3.0}, {0.0: False, 1.0: False, 2.0: True, 3.0: False, 4.0: False}),
        ({"above": 1.0}, {0.0: False, 1.0: False, 2.0: True, 4.0: True}),
        ({"below": 3.0}, {0.0: True, 2.0: True, 3.0: False, 4.0: False}),
    ],
)
def test_an_exact_value_keeps_every_bound_that_there_is(bounds: dict[str, float], met: dict[float, bool]) -> None:
    assert {value: Statement(**bounds).is_met(value) for value in met} == met


@pytest.mark.parametrize(
    ("bounds", "mean", "margin"),
    [({"above": 0.2, "below": 0.6}, 0.1, 0.2), ({"above": 0.2}, 0.3, 0.0), ({"below": 0.6}, -0.1, 0.0)],
)
def test_a_centred_estimate_has_the_bounds_at_its_margin(bounds: dict[str, float], mean: float, margin: float) -> None:
    found = Statement(**bounds).centred(Difference(0.5, 0.01, 4, 5, 0.0))
    assert (found.mean, found.margin) == (pytest.approx(mean), pytest.approx(margin))
    assert (found.variance, found.degrees, found.n_seeds) == (0.01, 4, 5)


def test_holm_over_the_family_by_hand() -> None:
    """Smaller p 0.01, 0.04 and 0.03: adjusted 0.03, then 2 x 0.03 = 0.06, then at least as much."""
    family = [
        (at(t_of(0.01)), Statement(above=0.0)),
        (at(t_of(0.04)), Statement(above=0.0)),
        (at(-t_of(0.03)), Statement(above=0.0)),
    ]
    decisions = decide(family)
    assert [one.holm_p for one in decisions] == pytest.approx([0.03, 0.06, 0.06])
    assert [one.outcome for one in decisions] == ["holds", "inconclusive", "inconclusive"]
    (alone,) = decide(family[2:])
    assert alone.outcome == "does not hold"


def test_looks_share_the_chance_of_a_false_verdict() -> None:
    """A p of 0.02 is enough at the only look, and too much at one of three, where each has 0.0167."""
    family = [(at(t_of(0.02)), Statement(above=0.0))]
    assert [decide(family, looks)[0].outcome for looks in (1, 2, 3)] == ["holds", "holds", "inconclusive"]


@pytest.mark.parametrize(
    "page",
    [
        Page(LOOKS["2 to 5 seeds"], 0.0, 0.0),
        Page(LOOKS["3 seeds"], 1.5, 0.0),
        Page(LOOKS["3 looks, 2 to 5 seeds"], 0.0, 0.8),
    ],
    ids=str,
)
def test_a_page_of_claims_has_a_false_verdict_in_one_of_twenty_at_most(page: Page) -> None:
    assert false_rate(page, 120) < 0.05 + 3 * math.sqrt(0.05 * 0.95 / 120)


def test_variances_of_one_quantity_are_drawn_towards_each_other() -> None:
    """Four equal variances scatter not at all, so that the prior has 4 degrees of freedom, against 2 of their own."""
    numbers = [Difference(0.0, variance, 2, 3, 0.0) for variance in (1.0, 1.0, 1.0, 1.0)]
    found = pooled(numbers, [1.0] * 4, ["a", "b", "c", "d"])
    assert [one.degrees for one in found] == [6.0] * 4
    # unbiased for the log: a chi-square with 2 degrees of freedom lacks digamma(1) - log(1) = -0.5772
    assert [one.variance for one in found] == pytest.approx([(4 * math.exp(0.5772157) + 2) / 6] * 4)
    assert pooled(numbers, [1.0] * 4, ["a", "a", "b", "b"]) == numbers, "two variants make no prior"


def test_an_open_statement_leans_as_its_interval_alone_says_and_wants_more_seeds() -> None:
    many = [(at(0.0), Statement(above=0.0))] * 30
    first, *_ = decide([(at(t_of(0.02)), Statement(above=0.0)), *many])
    assert (first.outcome, first.leaning) == ("inconclusive", "holds")
    assert first.seeds_to_settle is not None and first.seeds_to_settle > 3
    first, *_ = decide([(at(t_of(0.03)), Statement(above=0.0)), *many])  # a 95% interval has 0.025 on each side
    assert first.leaning == "inconclusive"


def test_settled_statements_want_no_seeds() -> None:
    (found,) = decide([(at(t_of(0.001)), Statement(below=0.0))])
    assert (found.outcome, found.seeds_to_settle) == ("does not hold", None)


@pytest.mark.parametrize(
    ("parts", "verdict"),
    [
        (["holds", "holds"], "holds"),
        (["holds", "does not hold"], "holds in part"),
        (["holds", "does not hold", "inconclusive"], "holds in part"),
        (["holds", "inconclusive"], "holds as far as decided"),
        (["holds", None], "holds as far as decided"),
        (["does not hold", "does not hold"], "does not hold"),
        (["does not hold", "inconclusive"], "does not hold as far as decided"),
        (["does not hold", None], "does not hold as far as decided"),
        (["inconclusive", None], "inconclusive"),
        ([None, None], None),
        ([], None),
    ],
)
def test_a_claim_follows_from_its_parts(parts: list, verdict: str | None) -> None:  # type: ignore[type-arg]
    assert combine(parts) == verdict


def test_a_claim_does_not_hold_as_far_as_decided_if_an_open_part_leans_against_it() -> None:
    assert combine(["holds", "inconclusive"], leans_against=True) == "inconclusive"
    assert combine(["holds", "holds"], leans_against=True) == "holds"
    assert combine(["holds", "does not hold"], leans_against=True) == "holds in part"
    assert combine(["does not hold", "inconclusive"], leans_against=True) == "does not hold as far as decided"


def test_fitted_change_by_hand() -> None:
    assert fitted_change([[1.0, 5.0, 2.0]]) == pytest.approx([1.0])  # with three settings the middle one has no say
    assert fitted_change([[0.0, 0.0, 0.0, 10.0], [1.0, 2.0, 3.0, 4.0]]) == pytest.approx([9.0, 3.0])


def test_an_accuracys_estimate_has_the_interval_over_seeds_and_episodes() -> None:
    rng = np.random.default_rng(0)
    values = np.clip(
        0.8 + rng.normal(0, 0.02, (4, 1)) + rng.normal(0, 0.1, (1, 50)) + rng.normal(0, 0.05, (4, 50)), 0, 1
    )
    own, known = accuracy_estimate(values).interval, seed_and_episode_interval(values)
    assert (own.mean, own.low, own.high) == pytest.approx((known.mean, known.low, known.high))


def test_an_accuracys_variance_over_the_test_episodes_is_shared_by_all_seeds() -> None:
    rng = np.random.default_rng(0)
    episodes, noise = rng.normal(0, 0.1, (1, 1000)), rng.normal(0, 0.02, (8, 1000))
    found = accuracy_estimate(0.7 + rng.normal(0, 0.01, (8, 1)) + episodes + noise)
    assert found.shared == pytest.approx(0.1**2 / 1000, rel=0.1)
    assert 0.2 < found.variance / 0.01**2 < 3  # of eight seeds
    assert found.error(10**9) == pytest.approx(found.shared**0.5)


@pytest.mark.parametrize(("mean", "outcome"), [(0.965, "holds"), (0.9842, "does not hold"), (0.981, "inconclusive")])
def test_between_two_bounds_a_number_leans_by_its_own_interval(mean: float, outcome: str) -> None:
    estimate = Difference(mean, 5 * 0.0014**2, 4, 5, 0.0)  # 95% interval: mean +- 0.0039
    assert Statement(above=0.95, below=0.98).leaning(estimate) == outcome


def test_a_mean_over_seeds_by_hand() -> None:
    found = mean_estimate([1.0, 2.0, 6.0])
    assert (found.mean, found.variance, found.degrees, found.n_seeds) == (3.0, 7.0, 2, 3)


@pytest.mark.parametrize("statement", [Statement(above=0.0), Statement(below=0.0), Statement(above=-4.0, below=0.0)])
def test_a_family_at_its_bounds_has_a_false_verdict_in_a_twentieth_of_studies(
    statement: Statement, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worst place: every true number is its bound, where "it holds" is false."""
    monkeypatch.setattr("leo_bench.statistics.statements.seeds_to_settle", lambda *_: None)  # slow, and not asked for
    rng, n_studies, false = np.random.default_rng(1), 600, 0
    for _ in range(n_studies):
        values = rng.normal(0, 1, (12, 4))
        decisions = decide([(mean_estimate(row), statement) for row in values])
        false += any(one.outcome == "holds" for one in decisions)
    assert false / n_studies < 0.05 + 3 * math.sqrt(0.05 * 0.95 / n_studies)
