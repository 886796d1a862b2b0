"""Numbers that claims are about, with their spread over seeds."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from leo_bench.records.claims import ACCURACIES, MEASURE, Bound, Part
from leo_bench.report.claims.evidence import Evidence, Place, number_of
from leo_bench.report.sentences import listed
from leo_bench.report.study.differences import LEAST_ERROR, as_difference, variance_prior
from leo_bench.report.study.pairs import VariantScores, paired_difference
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

TIMES = ("train_seconds", "core_seconds", "adapt_ms")
"""Quantities that depend on the machine."""


class NotMeasured(Exception):
    """Reason why a number cannot be had, in words."""


class NotRun(NotMeasured):
    """Variants have no run."""


@dataclass(frozen=True)
class Number:
    """A measured number with the statement about it. Ratios are natural logarithms."""

    part: Part
    test: str
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
    lacking = [name for name in part.named if evidence.place(name) is None]
    if lacking:
        names = [f"{evidence.label(name)} (study {evidence.study(name)})" for name in lacking]
        raise NotRun(f"no run of {listed(names)}")
    made: dict[str, Callable[[Evidence, Part, str], Number]] = {
        "level": _level,
        "difference": _more if part.more_than_on else _difference,
        "ratio": _ratio,
        "trend": _trend,
        "count": _count,
    }
    return made[part.kind](evidence, part, test)


def moderated(numbers: list[Number]) -> list[Number]:
    """Return the numbers with few-seed variances drawn towards those of others of their kind: of all ratios, and of all
    mean accuracies. Differences are drawn towards their own study's already."""
    found = list(numbers)
    for kind in ("ratio", "mean"):
        chosen = [(i, one, one.estimate) for i, one in enumerate(numbers) if one.estimate and _kind(one) == kind]
        if chosen:
            errors = [_error(one) for _, one, _ in chosen]
            prior = fit_prior(
                [own.variance for *_, own in chosen],
                [own.degrees for *_, own in chosen],
                errors,
                len({one.part.variant for _, one, _ in chosen}),
            )
            for (index, one, own), error in zip(chosen, errors, strict=True):
                variance, degrees = prior.moderated(own.variance, own.degrees, error)
                found[index] = replace(one, estimate=replace(own, variance=variance, degrees=degrees))
    return found


def _kind(number: Number) -> str:
    """Return which variances are like that of a number: "ratio", "mean" for mean accuracies, or "" for no others."""
    if number.part.kind == "level" and number.part.quantity in MEANS:
        return "mean"
    return "ratio" if number.part.kind == "ratio" else ""


MEANS = ("accuracy", "accuracy_before")
"""Accuracies whose variance over seeds follows the error."""


def _error(number: Number) -> float:
    """Return the error that goes with a mean accuracy, a fraction above 0; 1 for other numbers."""
    return max(1 - number.value, LEAST_ERROR) if number.part.quantity in MEANS else 1.0


def _statement(part: Part, margin: float = 0.0) -> Statement:
    """Return the bounds of a part as numbers."""

    def number(bound: Bound) -> float | None:
        if isinstance(bound, str):
            return -margin if bound.startswith("-") else margin
        return bound

    return Statement(number(part.above), number(part.below))


def _level(evidence: Evidence, part: Part, test: str) -> Number:
    """Return a mean over the seeds of one variant: of accuracy over test episodes too."""
    place = _place(evidence, part.variant)
    if part.quantity not in ACCURACIES:
        values = _paired(*(_values(place, name) for name in (part.quantity, part.minus) if name))
        shown = values[:, 0] - (values[:, 1] if part.minus else 0)
        return _over_seeds(part, "", _statement(part), shown)
    correct = _correct(place.scores(test), evidence.label(part.variant), test)
    before, after = correct[:, :, 0], correct[:, :, -1]
    shown = {"accuracy": after, "accuracy_before": before, "accuracy_gain": after - before}[part.quantity]
    margin = margin_of(1 - float(before.mean()), evidence.plan.margin)
    estimate = accuracy_estimate(shown) if min(shown.shape) > 1 else None
    return Number(part, test, _statement(part, margin), float(shown.mean()), len(shown), estimate)


def _difference(evidence: Evidence, part: Part, test: str) -> Number:
    """Return the paired difference of two variants, with the variance that their study gives it."""
    own, base = (_place(evidence, name) for name in (part.variant, part.against))
    if part.quantity not in ACCURACIES:
        pairs = _paired(_values(own, part.quantity), _values(base, part.quantity))
        return _over_seeds(part, "", _statement(part), pairs[:, 0] - pairs[:, 1])
    row = _compared(evidence, own, base, part, test)
    margin = margin_of(row["base_error"], evidence.plan.margin)
    n_seeds, estimate = row["n_seeds"], None
    if n_seeds > 1:
        prior = variance_prior(own.data, own.data is base.data and not isinstance(own.scores(test).test, tuple))
        estimate = as_difference(row, evidence.plan.margin, prior)
    return Number(part, test, _statement(part, margin), row["difference"], n_seeds, estimate, row["note"])


def _more(evidence: Evidence, part: Part, test: str) -> Number:
    """Return how much larger a difference is on one test than on another, seed by seed."""
    own, base = (_place(evidence, name) for name in (part.variant, part.against))
    margin, gains = 0.0, []
    for name in (test, part.more_than_on):
        margin = margin or margin_of(_compared(evidence, own, base, part, name)["base_error"], evidence.plan.margin)
        one, other = own.scores(name).rows, base.scores(name).rows
        gains.append({seed: one[seed]["accuracy"] - other[seed]["accuracy"] for seed in one if seed in other})
    pairs = _paired(*gains)
    words = f"{test} against {part.more_than_on}"
    return _over_seeds(part, words, _statement(part, margin), pairs[:, 0] - pairs[:, 1])


def _ratio(evidence: Evidence, part: Part, test: str) -> Number:
    """Return the logarithm of a ratio of costs, over the seeds that both variants have."""
    own, base = (_place(evidence, name) for name in (part.variant, part.against))
    if part.quantity in TIMES:
        if _machines(own) != _machines(base):
            raise NotMeasured("the times come from different machines")
    pairs = _paired(_values(own, part.quantity), _values(base, part.quantity))
    bounds = (None if bound is None else math.log(float(bound)) for bound in (part.above, part.below))
    return _over_seeds(part, "", Statement(*bounds), np.log(pairs[:, 0] / pairs[:, 1]))


def _trend(evidence: Evidence, part: Part, test: str) -> Number:
    """Return the change from the first to the last variant, by a line through all of them."""
    places = [_place(evidence, name) for name in part.variants]
    if part.quantity not in ACCURACIES:
        values = _paired(*(_values(place, part.quantity) for place in places))
        return _over_seeds(part, "", _statement(part), fitted_change(values))
    rows = [_compared(evidence, place, places[0], part, test) for place in places[1:]]
    scores = [place.scores(test).rows for place in places]
    values = _paired(*({seed: row["accuracy"] for seed, row in one.items()} for one in scores))
    margin = margin_of(rows[0]["base_error"], evidence.plan.margin)
    number = _over_seeds(part, test, _statement(part, margin), fitted_change(values))
    if number.estimate is None:
        return number
    own, prior = number.estimate, variance_prior(places[-1].data)
    variance, degrees = prior.moderated(own.variance, own.degrees, max(1 - float(values.mean()), LEAST_ERROR))
    return replace(number, estimate=replace(own, variance=variance, degrees=degrees))


def _count(evidence: Evidence, part: Part, test: str) -> Number:
    """Return an exact number, which all runs of a variant agree on."""
    values = set(_values(_place(evidence, part.variant), part.quantity).values())
    if len(values) > 1:
        raise NotMeasured(f"the runs disagree: {', '.join(f'{value:,g}' for value in sorted(values))}")
    return Number(part, "", _statement(part), values.pop(), 1)


def _over_seeds(part: Part, test: str, statement: Statement, values: np.ndarray) -> Number:
    """Return the mean of [n_seeds] values with their own spread."""
    estimate = mean_estimate(values) if len(values) > 1 else None
    return Number(part, test, statement, float(values.mean()), len(values), estimate)


def _machines(place: Place) -> set[str]:
    """Return the machines that made the runs of a variant."""
    return {str(sorted(run.result.host.items())) for run in place.runs.values() if run.result}


def _place(evidence: Evidence, variant: str) -> Place:
    place = evidence.place(variant)
    assert place is not None
    return place


def _values(place: Place, quantity: str) -> dict[int, float]:
    """Return seed -> quantity. Raises NotMeasured if it is not recorded."""
    found = {seed: number_of(run, quantity) for seed, run in place.runs.items()}
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


def _correct(scores: VariantScores, label: str, test: str) -> np.ndarray:
    """Return accuracies before the first and after the last step, [n_seeds, n_test_episodes, 2]."""
    if not scores.rows:
        raise NotRun(f"{label} on {test}")
    found = []
    for seed in scores.rows:
        run, one = scores.recorded(seed)
        found.append(run.correct(one)[:, [0, -1]] / (one.n_way * one.n_query))
    return np.stack(found)


def _compared(evidence: Evidence, own: Place, base: Place, part: Part, test: str) -> dict[str, Any]:
    """Return the paired difference of two variants on a test. Raises NotMeasured if they may not be compared."""
    row = paired_difference(own.scores(test), base.scores(test), base.data.label(base.variant), tuple(part.may_differ))
    if not row["compared"]:
        raise NotMeasured(f"not comparable on {test}: {row['note']}")
    return row
