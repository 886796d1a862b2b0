"""Verdicts, their families and the moderation of variances: by hand, against slow references and by simulation."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, special, stats

from benchmarks.false_verdicts import Case, false_rate, is_false
from leo_bench.statistics import (
    ALPHA,
    SETTLED,
    Difference,
    Prior,
    chance_of_verdict,
    fit_prior,
    judge,
    margin_of,
    seeds_to_settle,
    smallest_settled,
)

MARGIN = 0.005


def of(values: list[float], margin: float = MARGIN) -> Difference:
    """A difference whose variance is its own."""
    array = np.array(values)
    return Difference(float(array.mean()), float(array.var(ddof=1)), len(values) - 1, len(values), margin)


def test_p_values_of_a_difference_are_those_of_one_sided_t_tests() -> None:
    values = [0.011, 0.014, 0.008, 0.012]
    found = of(values)
    above = stats.ttest_1samp(values, MARGIN, alternative="greater").pvalue
    assert found.claims["better"] == pytest.approx(above)
    assert found.claims["worse"] == pytest.approx(stats.ttest_1samp(values, -MARGIN, alternative="less").pvalue)
    below = stats.ttest_1samp(values, MARGIN, alternative="less").pvalue
    assert found.claims["no difference that matters"] == pytest.approx(below)  # the harder of the two tests
    assert found.p == pytest.approx(2 * above)
    assert found.p_zero == pytest.approx(stats.ttest_1samp(values, 0).pvalue)
    reference = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (found.interval.low, found.interval.high) == pytest.approx((reference.low, reference.high))


def test_with_two_seeds_a_p_is_an_arctangent() -> None:
    # 0.02 and 0.03: mean 0.025, standard error 0.005, so 4 standard errors beyond the margin. t with 1 degree of
    # freedom is Cauchy's distribution.
    assert of([0.02, 0.03]).p == pytest.approx(2 * (0.5 - math.atan(4) / math.pi))


@given(st.lists(st.floats(-0.05, 0.05), min_size=2, max_size=8), st.floats(0.001, 0.01))
def test_turning_a_difference_round_turns_its_verdict_round(values: list[float], margin: float) -> None:
    there, back = judge([of(values, margin)])[0], judge([of([-value for value in values], margin)])[0]
    assert back.verdict == {"better": "worse", "worse": "better"}.get(there.verdict, there.verdict)
    assert back.holm_p == pytest.approx(there.holm_p)


def test_each_verdict_has_its_difference() -> None:
    spread = np.array([-1, 1, 0, -1, 1]) * 1e-4
    means = {"better": 0.02, "worse": -0.02, "no difference that matters": 0.001}
    family = [of(list(mean + spread)) for mean in means.values()]
    wide = np.array([-1, 1, 0, -1, 1]) * 2e-3
    family += [of(list(0.006 + wide)), of(list(0.001 + 3 * wide))]
    assert [found.verdict for found in judge(family)] == [*means, "direction shown", "inconclusive"]


def test_seeds_that_agree_to_the_bit_have_a_verdict() -> None:
    assert [judge([of([value] * 3)])[0].verdict for value in (0.0, 0.01, -0.01)] == [
        "no difference that matters",
        "better",
        "worse",
    ]
    assert judge([of([0.005] * 3)])[0].verdict == "direction shown"  # as large as the margin is neither


def test_a_p_is_at_most_one() -> None:
    exactly = of([0.0] * 3)  # neither above nor below zero
    assert (exactly.p_above(0), exactly.p_below(0), exactly.p_zero) == (1.0, 1.0, 1.0)
    assert of([MARGIN] * 3).p == 1.0


def test_a_larger_family_takes_verdicts_back() -> None:
    values = [0.010, 0.013, 0.008, 0.012]
    alone = of(values)
    assert ALPHA / 8 < alone.p < ALPHA
    open_ones = [of([-0.01, 0.01, -0.02, 0.02])] * 7
    assert judge([alone])[0].verdict == "better"
    assert judge([alone, *open_ones])[0].verdict == "direction shown"
    assert judge([alone], n_looks=8)[0].verdict == "direction shown"


def test_holm_lets_a_settled_comparison_help_the_next() -> None:
    # p of 0.03 is too much among two, but not when the other is settled first.
    found = optimize.brentq(lambda mean: of([mean - 0.001, mean, mean + 0.001]).p - 0.03, 0.006, 0.1)
    second, clear = of([found - 0.001, found, found + 0.001]), of([0.5, 0.5001, 0.4999])
    assert [one.verdict for one in judge([second, clear])] == ["better", "better"]
    assert judge([second, second])[0].verdict != "better"


def test_the_margin_is_half_a_point_and_at_most_a_tenth_of_the_error() -> None:
    assert margin_of(0.2, MARGIN) == MARGIN
    assert margin_of(0.019, MARGIN) == pytest.approx(0.0019)


# ----------------------------------------------------------------- moderated variances


def test_a_prior_weighs_with_its_degrees_of_freedom() -> None:
    # exp(-9 + 2 ln 0.1) = exp(-9) / 100. With 3 degrees of freedom against 2 of the variance's own.
    prior = Prior(level=-9.0, slope=2.0, degrees=3.0)
    expected = math.exp(-9) / 100
    assert prior.moderated(1e-5, 2, 0.1) == (pytest.approx((3 * expected + 2 * 1e-5) / 5), 5.0)
    assert Prior().moderated(1e-5, 2, 0.1) == (1e-5, 2)


def test_a_prior_finds_the_line_that_the_variances_lie_on() -> None:
    # Variances exactly on a line in log-log, each moved up by what a log of a variance with 4 degrees of freedom lacks.
    errors = np.array([0.02, 0.05, 0.1, 0.2, 0.3])
    lacking = special.digamma(2) - math.log(2)
    variances = np.exp(-7 + 1.5 * np.log(errors) + lacking)
    prior = fit_prior(variances, np.full(5, 4), errors, 5)
    assert (prior.level, prior.slope) == (pytest.approx(-7), pytest.approx(1.5))
    assert prior.degrees == 4  # they do not scatter at all, so the prior is as strong as it may be


def test_the_strength_of_a_prior_solves_trigamma() -> None:
    # Four variances of one error: logs at plus and minus d about their mean, so the squares add up to 4 d^2.
    d, degrees = 2.0, 4
    variances = np.exp(np.array([d, -d, d, -d]) - 8)
    prior = fit_prior(variances, np.full(4, degrees), np.full(4, 0.1), 4)
    bound = 4 * d**2 / stats.chi2.ppf(0.1, 3) - special.polygamma(1, degrees / 2)
    assert special.polygamma(1, prior.degrees / 2) == pytest.approx(bound)
    assert prior.slope == 0


def test_few_variances_make_no_prior() -> None:
    assert fit_prior([1e-5] * 3, [2] * 3, [0.1] * 3, 3) == Prior()
    assert fit_prior([1e-5, 2e-5, 1e-5, 3e-5], [2] * 4, [0.1] * 4, 1) == Prior()  # one variant on four tests
    assert fit_prior([0.0, 0.0, 0.0, 1e-5], [2] * 4, [0.1] * 4, 4) == Prior()  # runs that agree to the bit


# ----------------------------------------------------------------- seeds that are needed


@pytest.mark.parametrize("mean", [0.012, 0.0, -0.012])
def test_the_chance_of_a_verdict_is_that_of_simulated_studies(mean: float) -> None:
    known = Difference(mean, 0.004**2, 4, 5, MARGIN)
    rng = np.random.default_rng(0)
    for n_seeds in (5, 12):
        found = [judge([of(list(row))])[0].verdict for row in rng.normal(mean, 0.004, (800, n_seeds))]
        settled = np.mean([verdict not in ("direction shown", "inconclusive") for verdict in found])
        assert chance_of_verdict(known, n_seeds, 1) == pytest.approx(settled, abs=0.05)


def test_seeds_to_settle_are_the_fewest_that_reach_four_in_five() -> None:
    known = of([0.006, 0.012, 0.008])
    needed = seeds_to_settle(known, 3)
    assert needed is not None
    assert chance_of_verdict(known, needed, 3) >= 0.8 > chance_of_verdict(known, needed - 1, 3)
    assert seeds_to_settle(of([0.005, 0.0051, 0.0049]), 1) is None  # at the margin itself no number is enough


@pytest.mark.parametrize("prior", [0, 6])
@pytest.mark.parametrize("n_seeds", [3, 4, 9])
def test_the_chance_of_a_verdict_is_that_of_the_noncentral_t(prior: int, n_seeds: int) -> None:
    # Of 5 seeds 4 degrees of freedom are their own; those of a prior stay, whatever the number of seeds. Far from
    # "within the margin", the chance is that a t with mean (0.02 - margin) / error is beyond its quantile.
    known = Difference(0.02, 0.004**2, 4 + prior, 5, MARGIN)
    degrees = prior + n_seeds - 1
    expected = stats.nct.sf(
        stats.t.ppf(1 - ALPHA / 4, degrees), degrees, (0.02 - MARGIN) / (0.004 / math.sqrt(n_seeds))
    )
    assert chance_of_verdict(known, n_seeds, 2) == pytest.approx(expected, abs=0.003)


def test_a_hundred_seeds_are_the_most_that_are_looked_at() -> None:
    def known(mean: float) -> Difference:
        return Difference(mean, 0.01**2, 4, 5, MARGIN)

    least = optimize.brentq(lambda mean: chance_of_verdict(known(mean), 100, 1) - 0.8, MARGIN, 0.05)
    assert seeds_to_settle(known(least + 1e-6), 1) == 100
    assert seeds_to_settle(known(least - 1e-6), 1) is None


def test_the_smallest_settled_difference_is_found_in_four_of_five_studies() -> None:
    least = smallest_settled(0.004**2, 9, 10, MARGIN, 1)
    assert least is not None
    rows = np.random.default_rng(1).normal(least, 0.004, (1500, 10))
    assert np.mean([judge([of(list(row))])[0].verdict == "better" for row in rows]) == pytest.approx(0.8, abs=0.05)
    assert smallest_settled(0.004**2, 0, 1, MARGIN, 1) is None


@pytest.mark.parametrize(("n_seeds", "prior", "n_compared"), [(2, 0, 1), (3, 0, 5), (3, 4, 17), (5, 0, 5), (10, 4, 17)])
def test_the_smallest_settled_difference_is_that_of_the_noncentral_t(n_seeds: int, prior: int, n_compared: int) -> None:
    degrees, error = prior + n_seeds - 1, 0.004 / math.sqrt(n_seeds)
    least = smallest_settled(0.004**2, degrees, n_seeds, MARGIN, n_compared)
    assert least is not None
    quantile = stats.t.ppf(1 - ALPHA / (2 * n_compared), degrees)
    assert stats.nct.sf(quantile, degrees, (least - MARGIN) / error) == pytest.approx(0.8, abs=0.005)


def test_no_number_of_seeds_settles_what_the_test_episodes_leave_open() -> None:
    of_seeds = Difference(0.002, 1e-6, 4, 5, 0.0)
    assert of_seeds.error(4) == pytest.approx(0.0005)
    needed = seeds_to_settle(of_seeds, 1)
    assert needed is not None
    some = seeds_to_settle(replace(of_seeds, shared=2e-7), 1)
    assert some is not None and some > needed
    assert seeds_to_settle(replace(of_seeds, shared=1e-6), 1) is None
    assert chance_of_verdict(replace(of_seeds, shared=1e-6), 10**6, 1) == pytest.approx(
        stats.norm.sf(1.96 - 2) + stats.norm.sf(1.96 + 2), abs=0.01
    )


# ----------------------------------------------------------------- false verdicts, at the worst case


@pytest.mark.slow
@pytest.mark.parametrize(
    "case",
    [
        Case(17, 3, "margin", spread=0.1, unevenness=0.5),
        Case(12, 3, "mixed", spread=0.5, unevenness=1.0),
        Case(6, 5, "mixed", spread=0.1, unevenness=1.0, n_tests=1),
        Case(3, 3, "margin", spread=0.1, unevenness=1.0),
        Case(1, 3, "margin", spread=0.1, unevenness=0.0),
        Case(8, 10, "zero", spread=2.0, unevenness=0.5),
    ],
    ids=str,
)
def test_a_family_has_a_false_verdict_in_one_of_twenty_studies_at_most(case: Case) -> None:
    assert false_rate(case, 800) < 0.05 + 3 * math.sqrt(0.05 * 0.95 / 800)


def test_a_false_verdict_is_known_when_seen() -> None:
    assert is_false("better", 0.01, MARGIN) and not is_false("better", 0.01, 2 * MARGIN)
    assert is_false("no difference that matters", 0.001, -MARGIN)
    assert not is_false("no difference that matters", 0.001, 0.0)
    assert is_false("direction shown", 0.001, 0.0) and not is_false("direction shown", 0.001, MARGIN)
    assert not is_false("inconclusive", 0.001, 0.0)


def test_looks_while_seeds_are_added_share_the_chance_of_a_false_verdict() -> None:
    # A true difference at the margin, looked at after 3, 5, 8 and 10 seeds; a false verdict at any look counts.
    rows = np.random.default_rng(2).normal(MARGIN, 0.001, (1500, 10))
    counts = (3, 5, 8, 10)

    def rate(n_looks: int) -> float:
        return float(
            np.mean(
                [
                    any(is_false(judge([of(list(row[:n]))], n_looks)[0].verdict, 1.0, MARGIN) for n in counts)
                    for row in rows
                ]
            )
        )

    assert rate(1) > 0.08  # as if each look were the only one
    assert rate(len(counts)) < 0.05 + 3 * math.sqrt(0.05 * 0.95 / len(rows))


@pytest.mark.parametrize("shared_baseline", [False, True])
def test_looks_at_a_family_share_the_chance_of_even_one_false_verdict(shared_baseline: bool) -> None:
    # As --until-decided does it: the whole family is judged at each look, and only open comparisons get more seeds.
    n_studies, n_compared, counts = 400, 5, (3, 5, 8, 10)
    rng, truth = np.random.default_rng(3), np.resize([MARGIN, -MARGIN], n_compared)
    luck = rng.normal(0, 0.001, (n_studies, n_compared, counts[-1]))
    baseline = rng.normal(0, 0.001, (n_studies, 1, counts[-1])) if shared_baseline else 0.0
    studies = truth[:, None] + luck - baseline

    def has_false_verdict(rows: np.ndarray, n_looks: int) -> bool:
        seeds = np.zeros(n_compared, int)
        is_open = np.ones(n_compared, bool)
        for count in counts:
            seeds[is_open] = count
            family = [of(list(row[:n])) for row, n in zip(rows, seeds, strict=True)]
            verdicts = [one.verdict for one in judge(family, n_looks)]
            if any(is_false(*found) for found in zip(verdicts, (one.mean for one in family), truth, strict=True)):
                return True
            is_open = np.array([verdict not in SETTLED for verdict in verdicts])
        return False

    def rate(n_looks: int) -> float:
        return float(np.mean([has_false_verdict(rows, n_looks) for rows in studies]))

    assert rate(1) > 0.08  # as if each look were the only one
    assert rate(len(counts)) < 0.05 + 3 * math.sqrt(0.05 * 0.95 / n_studies)


@pytest.mark.parametrize("n_compared", [1, 4])
def test_the_smallest_difference_that_is_shown_lies_one_interval_beyond_the_margin(n_compared: int) -> None:
    # Standard deviation 0.01 over 5 seeds, margin 0.005. The p is twice the one-sided p, and Holm takes it times the
    # number compared for the likeliest: so t at 1 - 0.05 / (2 * 4) = 0.99375 with 4 degrees of freedom decides, 4.3147.
    t = {1: 2.776445, 4: 4.314656}[n_compared]
    assert t == pytest.approx(stats.t.ppf(1 - 0.05 / (2 * n_compared), 4), abs=1e-5)
    least = 0.005 + t * 0.01 / np.sqrt(5)
    assert least == pytest.approx({1: 0.0174, 4: 0.0243}[n_compared], abs=5e-5)
    unclear = Difference(0.005, 0.01**2, 4, 5, 0.005)  # the others of the family say nothing
    for mean, verdict in ((least + 1e-6, "better"), (least - 1e-6, "inconclusive"), (-least - 1e-6, "worse")):
        family = [unclear] * (n_compared - 1) + [Difference(mean, 0.01**2, 4, 5, 0.005)]
        found = judge(family)[-1].verdict
        assert found == verdict or (verdict, found) == ("inconclusive", "direction shown")
