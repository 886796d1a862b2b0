"""Numbers that claims are about, with their spread over seeds."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from leo_bench.records import Result, listed
from leo_bench.records.claims import ACCURACIES, DIVERGED, ERROR, MEASURE, Bound, Condition, Part
from leo_bench.records.quantities import measures_of, quantity_of, training_effort
from leo_bench.statistics import (
    Decision,
    Difference,
    Interval,
    PairedShares,
    Statement,
    accuracy_estimate,
    fitted_change,
    margin_of,
    mean_estimate,
    paired_shares,
    pooled,
)
from leo_bench.statistics.claims.evidence import Evidence, Place
from leo_bench.statistics.claims.owned import owners_verdict
from leo_bench.statistics.families import as_difference
from leo_bench.statistics.studies.differences import variance_prior
from leo_bench.statistics.studies.pairs import allowed_seeds, paired_difference

TRAINING = ("train_seconds", "core_seconds")
TIMES = (*TRAINING, "adapt_ms", "adapt_core_ms")
CONDITIONS: dict[Condition, tuple[tuple[str, ...], Callable[[Result], object]]] = {
    "machine": (TIMES, lambda run: sorted(run.host.items())),
    "precision": ((*TIMES, "peak_memory_mb"), lambda run: run.settings["precision"]),
    "n_train_images": (TRAINING, lambda run: run.n_train_images),
}
"""Condition -> costs that depend on it, and its value for a run. Costs are compared only if these agree."""
NAMES = {"machine": "machines", "precision": "precision", "n_train_images": "numbers of training images"}


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
    estimate: Difference | PairedShares | None = None
    """Mean or shares over seeds, with their spread; None for an exact number, and for one seed."""
    note: str = ""
    decision: Decision | None = None
    """Verdict of the study that compares the same two variants; None if the number is judged here."""

    @property
    def interval(self) -> Interval | None:
        return self.estimate.interval if isinstance(self.estimate, Difference) else None


def measure(evidence: Evidence, part: Part, test: str) -> Number:
    """Return the number of a part on one test. Raises NotMeasured with the reason if there is none."""
    found = {name: evidence.place(name, part.quantity == DIVERGED) for name in part.named}
    if lacking := [f"{evidence.label(name)} (study {evidence.study(name)})" for name in found if not found[name]]:
        raise NotRun(f"no run of {listed(lacking)}")
    places = [place for place in found.values() if place]
    if part.quantity == DIVERGED:
        return _shares(part, *places)
    if lost := [place.data.label(place.variant) for place in places if not place.runs]:
        raise NotMeasured(f"every training of {listed(lost)} that ended did so with a NaN loss")
    if part.kind == "slope":
        return _slope(part, *places)
    if part.more_than_on:
        return _more(evidence, part, test, *places)
    if part.quantity not in ACCURACIES:
        return _off_test(part, places)
    if part.kind == "level":
        return _mean_accuracy(evidence, part, test, places[0])
    if part.kind == "spread":
        return _spread(part, test, *places)
    if part.kind == "trend":
        return _accuracy_trend(evidence, part, test, places)
    return _accuracy_difference(evidence, part, test, *places)


def moderated(numbers: dict[int, Number]) -> dict[int, Number]:
    """Return the numbers, under the same keys, with few-seed variances of ratios and mean accuracies shrunk towards
    those of the same quantity. Variances of differences of accuracy are shrunk within their own study before."""
    alike: dict[tuple[str, str], list[tuple[int, Difference]]] = {}
    for index, one in numbers.items():
        part = one.part
        is_alike = part.kind == "ratio" or (part.kind == "level" and part.quantity in MEANS)
        if is_alike and isinstance(one.estimate, Difference):
            alike.setdefault((part.kind, part.quantity), []).append((index, one.estimate))
    found = dict(numbers)
    for (kind, _), chosen in alike.items():
        errors = [1.0 if kind == "ratio" else 1 - numbers[index].value for index, _ in chosen]
        variants = [numbers[index].part.variant for index, _ in chosen]
        estimates = pooled([own for _, own in chosen], errors, variants)
        for (index, _), estimate in zip(chosen, estimates, strict=True):
            found[index] = replace(numbers[index], estimate=estimate)
    return found


FEWEST_FOR_SPREAD = 5
"""Seeds from which on a spread is judged. A test at 5% is wrong always with two seeds, and in 1% of simulations with
five."""
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
    """Return a number that does not depend on the test: over the seeds that all variants have, or an exact one."""
    values = [_values(place, part.quantity) for place in places]
    for place in places[1:]:
        _refuse_unequal(part, places[0], place)
    if part.kind == "ratio":
        if min(min(one.values()) for one in values) <= 0:
            raise NotMeasured(f"{part.quantity} of 0 has no ratio")
    if part.is_exact:
        counts = [_count(one) for one in values]
        return Number(part, "", _statement(part), math.log(counts[0] / counts[1]) if counts[1:] else counts[0], 1)
    if part.minus:
        values.append(_values(places[0], part.minus))
    number = _number(part, "", _statement(part), OVER_SEEDS[part.kind](_paired(*values)))
    return replace(number, note=_recipes(*places)) if part.kind == "ratio" else number


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
    """Return the paired difference of two variants, with the variance that their study gives it, and with its verdict
    if the study compares the two."""
    row = _compared(part, test, own, base)
    margin = margin_of(row["base_error"], evidence.plan.margin)
    estimate = decision = None
    notes = [row["note"], _recipes(own, base)]
    if row["n_seeds"] > 1:
        prior = variance_prior(own.data, own.data is base.data and not isinstance(own.scores(test).test, tuple))
        estimate = as_difference(row, evidence.plan.margin, prior)
        if owned := owners_verdict(part, test, own, base):
            outcome, theirs = owned
            margin = theirs["margin"]
            leaning = _statement(part, margin).leaning(estimate) if outcome == "inconclusive" else outcome
            seeds = None if math.isnan(theirs["seeds_to_settle"]) else int(theirs["seeds_to_settle"])
            decision = Decision(outcome, leaning, theirs["holm_p"], seeds)
            notes.append(f"the verdict is that of the study {own.data.plan.study}, which compares these two")
    note = "; ".join(filter(None, notes))
    statement = _statement(part, margin)
    return Number(part, test, statement, row["difference"], row["n_seeds"], estimate, note, decision)


def _recipes(own: Place, base: Place) -> str:
    """Return the trainings of two learners in words if they differ; an empty text for one learner."""

    def recipe(place: Place) -> tuple[str, str, int]:
        settings = place.data.settings[place.variant]
        rate, padding, schedule = (settings[name] for name in ("outer_lr", "padding", "schedule"))
        effort = training_effort(settings)
        images = effort["n_train_images"] // max(effort["n_updates"], 1)
        words = f"{effort['n_updates']:,} updates of {images:,} images, {schedule} {rate:g}, padding {padding}"
        return settings["learner"], words, padding

    (learner, words, side), (other, other_words, other_side) = recipe(own), recipe(base)
    if learner == other or words == other_words:
        return ""
    return f"recipes differ: {words} against {other_words}" + ("; paddings differ" if side != other_side else "")


def _more(evidence: Evidence, part: Part, test: str, own: Place, base: Place) -> Number:
    """Return how much larger a difference of accuracies is on one test than on another, or the logarithm of how much
    larger a ratio of errors, seed by seed."""
    names = (test, part.more_than_on)
    rows = [_compared(part, name, own, base) for name in names]
    sides = _paired(*(side for name in names for side in _accuracies(part, name, [own, base], base)))
    if part.quantity == ERROR:
        if sides.max() >= 1:
            raise NotMeasured("an error of 0 has no ratio")
        sides = np.log(1 - sides)
    more = (sides[:, 0] - sides[:, 1]) - (sides[:, 2] - sides[:, 3])
    margin = margin_of(rows[0]["base_error"], evidence.plan.margin)
    return _number(part, " against ".join(names), _statement(part, margin), more)


def _slope(part: Part, own: Place, base: Place) -> Number:
    """Return the change of an episode's difference for each unit of a measure of `against`, by least squares within
    each seed."""
    slopes = []
    for seed in [seed for seed in own.runs if seed in base.runs]:
        first, second = measures_of(own.runs[seed]), measures_of(base.runs[seed])
        if first is None or second is None or first.episodes_digest != second.episodes_digest:
            continue
        names, records = (part.quantity, part.quantity, part.along), (first, second, second)
        rows = [one.measures.get(name.removeprefix(MEASURE)) for name, one in zip(names, records, strict=True)]
        columns = [np.array(row.per_episode) for row in rows if row]
        if len(columns) == 3 and columns[2].size and np.ptp(columns[2]) > 0:
            slopes.append(float(np.polyfit(columns[2], columns[0] - columns[1], 1)[0]))
    if not slopes:
        raise NotMeasured("no seed has both models measured on the same episodes")
    return _number(part, "", _statement(part), np.array(slopes))


def _accuracy_trend(evidence: Evidence, part: Part, test: str, places: list[Place]) -> Number:
    """Return the change from the first to the last variant, by a line through all of them."""
    rows = [_compared(part, test, place, places[0]) for place in places[1:]]
    values = _paired(*_accuracies(part, test, places, places[0]))
    margin = margin_of(rows[0]["base_error"], evidence.plan.margin)
    number = _number(part, test, _statement(part, margin), fitted_change(values))
    if not isinstance(number.estimate, Difference):
        return number
    return replace(number, estimate=variance_prior(places[-1].data).applied(number.estimate, 1 - float(values.mean())))


def _spread(part: Part, test: str, own: Place, base: Place) -> Number:
    """Return how much further from the median the accuracy of a seed lies, as in the test of Brown and Forsythe (1974),
    seed by seed. Of few seeds the distances are too much alike: of two they are always equal."""
    _compared(part, test, own, base)
    values = _paired(*_accuracies(part, test, [own, base], base))
    if len(values) < FEWEST_FOR_SPREAD:
        raise NotMeasured(f"a spread needs {FEWEST_FOR_SPREAD} seeds, and there are {len(values)}")
    distances = np.abs(values - np.median(values, axis=0))
    return _number(part, test, _statement(part), distances[:, 0] - distances[:, 1])


def _shares(part: Part, own: Place, base: Place) -> Number:
    """Return the share of seeds whose training diverges in one variant minus that in the other one."""
    images = [training_effort(place.data.settings[place.variant])["n_train_images"] for place in (own, base)]
    if len(set(images)) > 1 and "n_train_images" not in part.may_differ:
        raise NotMeasured(f"trainings of {images[0]:,} and {images[1]:,} images are not compared")
    shares = paired_shares(own.diverged, base.diverged)
    if not shares.n_seeds:
        raise NotMeasured("no seed is shared")
    note = f"seeds at which it is the first alone: {shares.more}; the second alone: {shares.fewer}"
    return Number(part, "", _statement(part), shares.mean, shares.n_seeds, shares if shares.n_seeds > 1 else None, note)


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


def _refuse_unequal(part: Part, own: Place, base: Place) -> None:
    """Raise NotMeasured if two costs depend on a condition that differs at a seed, unless the statement is about it."""
    for name, (costs, of) in CONDITIONS.items():
        if part.quantity not in costs or name in part.may_differ:
            continue
        runs = [(run.result, base.runs[seed].result) for seed, run in own.runs.items() if seed in base.runs]
        pairs = [(str(of(one)), str(of(other))) for one, other in runs if one and other]
        if any(one != other for one, other in pairs):
            sides = [list(dict.fromkeys(values)) for values in zip(*pairs, strict=True)]
            words = "" if name == "machine" else f" ({' against '.join(map(listed, sides))})"
            raise NotMeasured(f"costs of different {NAMES[name]} are not compared{words}")


def _values(place: Place, quantity: str) -> dict[int, float]:
    """Return seed -> quantity. Raises NotMeasured if it is not recorded."""
    found = {seed: quantity_of(run, quantity) for seed, run in place.runs.items()}
    known = {seed: value for seed, value in found.items() if value is not None}
    if not known:
        name = quantity.removeprefix(MEASURE).replace("_", " ")
        raise NotMeasured(f"no {name} of {place.data.label(place.variant)} is recorded")
    return known


def _count(values: dict[int, float]) -> float:
    """Return the count that is the same for every seed. Raises NotMeasured if it is not."""
    counts = sorted(set(values.values()))
    if len(counts) > 1:
        raise NotMeasured(f"the runs disagree: {', '.join(f'{value:,g}' for value in counts)}")
    return counts[0]


def _paired(*values: dict[int, float]) -> np.ndarray:
    """Return the values of the seeds that all have, [n_seeds, n_variants]. Raises NotMeasured if there is none."""
    seeds = [seed for seed in values[0] if all(seed in one for one in values)]
    if not seeds:
        raise NotMeasured("no seed is shared")
    return np.array([[one[seed] for one in values] for seed in seeds])


def _accuracies(part: Part, test: str, places: list[Place], base: Place) -> list[dict[int, float]]:
    """Return seed -> accuracy of each variant on a test, for the seeds at which it may be compared with base."""
    found = []
    for place in places:
        scores = place.scores(test)
        allowed = scores.rows if place is base else allowed_seeds(scores, base.scores(test), tuple(part.may_differ))
        found.append({seed: scores.rows[seed]["accuracy"] for seed in allowed})
    return found


def _compared(part: Part, test: str, own: Place, base: Place) -> dict[str, Any]:
    """Return the paired difference of two variants on a test. Raises NotMeasured if they may not be compared."""
    row = paired_difference(own.scores(test), base.scores(test), base.data.label(base.variant), tuple(part.may_differ))
    if not row["compared"]:
        raise NotMeasured(f"not comparable on {test}: {row['note']}")
    return row
