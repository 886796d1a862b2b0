"""Numbers that claims are about, with their spread over seeds."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from leo_bench.analysis.claims.evidence import Evidence, Place
from leo_bench.analysis.differences import variance_prior
from leo_bench.analysis.pairs import paired_difference
from leo_bench.records import listed
from leo_bench.records.claims import ACCURACIES, MEASURE, Bound, Part
from leo_bench.records.quantities import quantity_of
from leo_bench.statistics import (
    Difference,
    Interval,
    Statement,
    accuracy_estimate,
    fit_prior,
    fitted_change,
    margin_of,
    mean_estimate,
)
from leo_bench.statistics.families import as_difference

TIMES = ("train_seconds", "core_seconds", "adapt_ms")
"""Quantities that depend on the machine."""


class NotMeasured(Exception):
    """Reason why a number cannot be had, in words."""

    verdict = "not measured at this profile"


class NotRun(NotMeasured):
    """Variants have no run."""

    verdict = "not run at this profile"


@dataclass(frozen=True)
class Number:
    """A measured number with the statement about it. Ratios are natural logarithms."""

    part: Part
    test: str
    """Name of the test; empty if the quantity does not depend on it."""
    statement: Statement
    value: float
    n_seeds: int
    estimate: Difference | None = None
    """Mean and spread over seeds; None for an exact number, and for one seed."""
    note: str = ""

    @property
    def interval(self) -> Interval | None:
        return self.estimate.interval if self.estimate else None


def measure(evidence: Evidence, part: Part, test: str) -> Number:
    """Return the number of a part on one test. Raises NotMeasured with the reason if there is none."""
    found = {name: evidence.place(name) for name in part.named}
    if lacking := [f"{evidence.label(name)} (study {evidence.study(name)})" for name in found if not found[name]]:
        raise NotRun(f"no run of {listed(lacking)}")
    places = [place for place in map(evidence.place, part.named) if place]
    if part.quantity not in ACCURACIES:
        return _off_test(part, places)
    if part.kind == "level":
        return _mean_accuracy(evidence, part, test, places[0])
    if part.kind == "trend":
        return _accuracy_trend(evidence, part, test, places)
    return (_accuracy_more if part.more_than_on else _accuracy_difference)(evidence, part, test, *places)


def moderated(numbers: list[Number]) -> list[Number]:
    """Return the numbers with few-seed variances drawn towards those of others of their kind: of all ratios, and of all
    mean accuracies. Differences are drawn towards their own study's already."""
    found = list(numbers)
    ratios = {index: 1.0 for index, one in enumerate(numbers) if one.part.kind == "ratio"}
    means = {
        index: 1 - one.value
        for index, one in enumerate(numbers)
        if one.part.kind == "level" and one.part.quantity in MEANS
    }
    for errors in (ratios, means):  # place of a number -> error that goes with its variance
        chosen = [(index, own) for index in errors if (own := numbers[index].estimate)]
        if chosen:
            prior = fit_prior(
                [own.variance for _, own in chosen],
                [own.degrees for _, own in chosen],
                [errors[index] for index, _ in chosen],
                len({numbers[index].part.variant for index, _ in chosen}),
            )
            for index, own in chosen:
                found[index] = replace(numbers[index], estimate=prior.applied(own, errors[index]))
    return found


MEANS = ("accuracy", "accuracy_before")
"""Accuracies whose variance over seeds follows the error."""
OVER_SEEDS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "level": lambda values: values[:, 0] - values[:, 1:].sum(axis=1),
    "difference": lambda values: values[:, 0] - values[:, 1],
    "ratio": lambda values: np.log(values[:, 0] / values[:, 1]),
    "trend": fitted_change,
}
"""Kind of a part -> its number for each seed, [n_seeds], from the values of its variants, [n_seeds, n_variants]. In a
level the second value is the one that is subtracted."""


def _off_test(part: Part, places: list[Place]) -> Number:
    """Return a number that does not depend on the test, over the seeds that all variants have; a count is exact."""
    if part.kind == "ratio" and part.quantity in TIMES and _machines(places[0]) != _machines(places[1]):
        raise NotMeasured("the times come from different machines")
    values = [_values(place, part.quantity) for place in places]
    if part.kind == "count":
        counts = sorted(set(values[0].values()))
        if len(counts) > 1:
            raise NotMeasured(f"the runs disagree: {', '.join(f'{value:,g}' for value in counts)}")
        return Number(part, "", _statement(part), counts[0], 1)
    if part.minus:
        values.append(_values(places[0], part.minus))
    return _number(part, "", _statement(part), OVER_SEEDS[part.kind](_paired(*values)))


def _mean_accuracy(evidence: Evidence, part: Part, test: str, place: Place) -> Number:
    """Return a mean accuracy, or gain by adapting, over seeds and test episodes."""
    scores = place.scores(test)
    if not scores.rows:
        raise NotRun(f"{evidence.label(part.variant)} on {test}")
    before, after = (np.stack([scores.fractions(seed, step) for seed in scores.rows]) for step in (0, -1))
    shown = {"accuracy": after, "accuracy_before": before, "accuracy_gain": after - before}[part.quantity]
    margin = margin_of(1 - float(before.mean()), evidence.plan.margin)
    estimate = accuracy_estimate(shown) if min(shown.shape) > 1 else None
    return Number(part, test, _statement(part, margin), float(shown.mean()), len(shown), estimate)


def _accuracy_difference(evidence: Evidence, part: Part, test: str, own: Place, base: Place) -> Number:
    """Return the paired difference of two variants, with the variance that their study gives it."""
    row = _compared(part, test, own, base)
    margin = margin_of(row["base_error"], evidence.plan.margin)
    estimate = None
    if row["n_seeds"] > 1:
        prior = variance_prior(own.data, own.data is base.data and not isinstance(own.scores(test).test, tuple))
        estimate = as_difference(row, evidence.plan.margin, prior)
    return Number(part, test, _statement(part, margin), row["difference"], row["n_seeds"], estimate, row["note"])


def _accuracy_more(evidence: Evidence, part: Part, test: str, own: Place, base: Place) -> Number:
    """Return how much larger a difference is on one test than on another, seed by seed."""
    names = (test, part.more_than_on)
    margin = margin_of(_compared(part, test, own, base)["base_error"], evidence.plan.margin)
    _compared(part, part.more_than_on, own, base)  # raises if it may not be
    sides = _paired(*(place.accuracies(name) for name in names for place in (own, base)))
    more = (sides[:, 0] - sides[:, 1]) - (sides[:, 2] - sides[:, 3])
    return _number(part, " against ".join(names), _statement(part, margin), more)


def _accuracy_trend(evidence: Evidence, part: Part, test: str, places: list[Place]) -> Number:
    """Return the change from the first to the last variant, by a line through all of them."""
    rows = [_compared(part, test, place, places[0]) for place in places[1:]]
    values = _paired(*(place.accuracies(test) for place in places))
    margin = margin_of(rows[0]["base_error"], evidence.plan.margin)
    number = _number(part, test, _statement(part, margin), fitted_change(values))
    if number.estimate is None:
        return number
    return replace(number, estimate=variance_prior(places[-1].data).applied(number.estimate, 1 - float(values.mean())))


def _number(part: Part, test: str, statement: Statement, values: np.ndarray) -> Number:
    """Return the mean of [n_seeds] values with their own spread."""
    estimate = mean_estimate(values) if len(values) > 1 else None
    return Number(part, test, statement, float(values.mean()), len(values), estimate)


def _statement(part: Part, margin: float = 0.0) -> Statement:
    """Return the bounds of a part as numbers, those of a ratio as logarithms."""

    def number(bound: Bound) -> float | None:
        if isinstance(bound, str):
            return -margin if bound.startswith("-") else margin
        return math.log(bound) if bound is not None and part.kind == "ratio" else bound

    return Statement(number(part.above), number(part.below))


def _machines(place: Place) -> set[str]:
    """Return the machines that made the runs of a variant."""
    return {str(sorted(run.result.host.items())) for run in place.runs.values() if run.result}


def _values(place: Place, quantity: str) -> dict[int, float]:
    """Return seed -> quantity. Raises NotMeasured if it is not recorded."""
    found = {seed: quantity_of(run, quantity) for seed, run in place.runs.items()}
    known = {seed: value for seed, value in found.items() if value is not None}
    if not known:
        name = quantity.removeprefix(MEASURE).replace("_", " ")
        raise NotMeasured(f"no {name} of {place.data.label(place.variant)} is recorded")
    return known


def _paired(*values: dict[int, float]) -> np.ndarray:
    """Return the values of the seeds that all have, [n_seeds, n_variants]. Raises NotMeasured if there is none."""
    seeds = [seed for seed in values[0] if all(seed in one for one in values)]
    if not seeds:
        raise NotMeasured("no seed is shared")
    return np.array([[one[seed] for one in values] for seed in seeds])


def _compared(part: Part, test: str, own: Place, base: Place) -> dict[str, Any]:
    """Return the paired difference of two variants on a test. Raises NotMeasured if they may not be compared."""
    row = paired_difference(own.scores(test), base.scores(test), base.data.label(base.variant), tuple(part.may_differ))
    if not row["compared"]:
        raise NotMeasured(f"not comparable on {test}: {row['note']}")
    return row
