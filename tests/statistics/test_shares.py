"""The exact sign test of two shares of the same seeds: by hand, its rate of false verdicts, and seeds to settle it."""

import itertools
import math

import pytest

from leo_bench.statistics import PairedShares, Statement, decide

FEWER = Statement(below=0)


def test_p_by_hand() -> None:
    """Six seeds differ, five of them one way: at least five heads of six coins are 7 of 64 cases."""
    shares = PairedShares(both=3, more=1, fewer=5, n_seeds=12)
    assert (shares.first, shares.second, shares.mean) == (4, 8, pytest.approx(-4 / 12))
    assert shares.p_below(0) == pytest.approx(7 / 64)
    assert shares.p_above(0) == pytest.approx(63 / 64)
    assert FEWER.p_values(shares) == (shares.p_below(0), shares.p_above(0))


def test_seeds_that_agree_say_nothing() -> None:
    few, many = PairedShares(0, 0, 5, 5), PairedShares(20, 0, 5, 60)
    assert few.p_below(0) == many.p_below(0) == pytest.approx(1 / 32)
    assert PairedShares(4, 0, 0, 9).p_below(0) == 1


def test_its_bound_is_zero() -> None:
    with pytest.raises(ValueError, match=r"bound is 0; got 0\.1"):
        PairedShares(0, 0, 5, 5).p_above(0.1)


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.1, 0.3, 0.5])
@pytest.mark.parametrize("n_seeds", [5, 12])
def test_equal_shares_get_a_false_verdict_in_a_twentieth_of_studies_at_most(share: float, n_seeds: int) -> None:
    """All outcomes of n seeds, each with its chance, if something happens as often in both, independently."""
    once = {(True, True): share**2, (True, False): share * (1 - share), (False, True): share * (1 - share)}
    once[False, False] = 1 - sum(once.values())
    counts = [(both, more, fewer) for both, more, fewer in itertools.product(range(n_seeds + 1), repeat=3)]
    false = 0.0
    for both, more, fewer in counts:
        rest = n_seeds - both - more - fewer
        if rest < 0:
            continue
        ways = math.factorial(n_seeds) / math.prod(map(math.factorial, (both, more, fewer, rest)))
        chance = ways * math.prod(p**k for p, k in zip(once.values(), (both, more, fewer, rest), strict=True))
        (decision,) = decide([(PairedShares(both, more, fewer, n_seeds), FEWER)])
        false += chance * (decision.outcome == "holds")
    assert false <= 0.05
    assert (share, n_seeds) != (0.5, 12) or false > 0.015  # nor far below, as it would be with a p twice as large


def test_seeds_to_settle_by_hand() -> None:
    """If every seed differs the same way, n seeds have p = 2^-n: below 0.05 / 8 from eight seeds on."""
    assert PairedShares(0, 0, 5, 5).seeds_to_settle(8) == 8
    # if each of them differs with a chance of 4/5, eight of n must: 9 give 0.44, 10 give 0.68, 11 give 0.84
    assert PairedShares(1, 0, 4, 5).seeds_to_settle(8) == 11
    assert PairedShares(4, 0, 0, 9).seeds_to_settle(8) is None
    assert PairedShares(0, 3, 3, 9).seeds_to_settle(8) is None


def test_a_family_of_shares_and_its_looks() -> None:
    """Two numbers: the smaller p is doubled. 2^-6 passes at 0.05, but not at the half that is left for two looks."""
    family = [(PairedShares(0, 0, 6, 8), FEWER), (PairedShares(0, 1, 1, 8), FEWER)]
    first, second = decide(family)
    assert (first.outcome, first.holm_p) == ("holds", pytest.approx(2 / 64))
    assert (second.outcome, second.leaning) == ("inconclusive", "inconclusive")
    open_one, _ = decide(family, n_looks=2)
    assert (open_one.outcome, open_one.leaning) == ("inconclusive", "holds")
    more, _ = decide([(PairedShares(0, 9, 0, 9), FEWER), family[1]])
    assert more.outcome == "does not hold"
