"""Numbers, rules and places of claims in words."""

import math

from leo_bench.records import listed, signed
from leo_bench.records.claims import DIVERGED, ERROR, MEASURE, ON_TEST, SETTING, Part
from leo_bench.report.table import NONE
from leo_bench.statistics import MOST_SEEDS, PairedShares
from leo_bench.statistics.claims.estimates import Number
from leo_bench.statistics.claims.evidence import Evidence
from leo_bench.statistics.claims.judged import JudgedClaim, JudgedPart

UNITS = {
    "train_seconds": " s",
    "core_seconds": " s",
    "adapt_ms": " ms",
    "adapt_core_ms": " ms",
    "peak_memory_mb": " MB",
}
QUANTITIES = {
    "accuracy": "accuracy",
    "accuracy_before": "accuracy before adapting",
    "accuracy_gain": "gain by adapting",
    "error": "error",
    "diverged": "trainings that end with a NaN loss",
    "measure:episode_accuracy": "accuracy",
    "measure:update_direction_similarity_same_class": "cosine of a class's updates in two episodes, head",
    "measure:update_direction_similarity_cnn": "cosine of the updates in two episodes, CNN",
    "measure:update_directions_90": "directions with 90% of the updates",
    "measure:latent_directions_90": "latent directions with 90% of the adaptation",
    "measure:spectrum_top_decoder": "share of the decoder's top direction",
    "measure:relation_same_class_shift": "shift of a class's code, in distances between classes",
    "measure:relation_outlier_gain": "gain of an outlier",
    "measure:relation_redrawn_gain": "gain of another drawing",
    "train_seconds": "training time",
    "core_seconds": "processor time of training",
    "adapt_ms": "time to adapt",
    "adapt_core_ms": "processor time to adapt",
    "peak_memory_mb": "peak memory",
    "multiply_adds": "multiply-adds of an episode",
    "n_parameters": "trained parameters",
    "n_generated": "weights of an episode's own",
    "n_adapted": "numbers adapted",
    "own_share": "weights of an episode's own over all trained ones",
}


DIFFERING = {
    "batch norm": "part of the change: batch norm",
    "precision": "part of the change: precision",
    "recipe": "recipes differ",
    "padding of the images": "paddings differ",
}
"""Condition -> words in the note of a difference between variants that do not share it."""


def quantity_words(quantity: str) -> str:
    """Return a quantity in words."""
    return QUANTITIES.get(quantity) or quantity.removeprefix(MEASURE).removeprefix(SETTING).replace("_", " ")


def number_of(part: Part) -> str:
    """Return the quantity of a part in words, with the one that is subtracted."""
    if part.kind == "spread":
        return "distance of a seed's accuracy from the median"
    return quantity_words(part.quantity) + (f" minus {quantity_words(part.minus)}" if part.minus else "")


def is_change(part: Part) -> bool:
    """Return True if the number of a part is a change of accuracy, which is told in points."""
    accuracy = part.quantity.startswith("accuracy") and (part.kind != "level" or part.quantity == "accuracy_gain")
    return accuracy or (part.kind == "slope" and part.quantity == "measure:episode_accuracy")


def reported(part: Part, value: float) -> float:
    """Return a value of the number of a part as reports have it: of a ratio `Number` has the logarithm."""
    return math.exp(value) if part.kind == "ratio" else value


def value_words(part: Part, value: float) -> str:
    """Return one value of the number of a part: `80.6%`, `+1.2`, `x 0.12`, `11,525`, `1,234 MB`."""
    if part.kind == "ratio":
        ratio = reported(part, value)
        return f"x {ratio:.3f}" if part.is_exact and abs(ratio - 1) < 0.05 else f"x {ratio:.2f}"
    if is_change(part):
        return signed(100 * value)
    if part.quantity == DIVERGED:
        return f"{100 * value:+.0f} points" if value else "0"
    if part.quantity in ("accuracy", "accuracy_before", "own_share"):
        return f"{100 * value:.1f}%"
    digits = ",.0f" if value == round(value) or abs(value) >= 100 else ".1f" if abs(value) >= 10 else ".2f"
    return f"{value:{digits}}{UNITS.get(part.quantity, '')}"


def number_words(number: Number) -> str:
    """Return a number with its interval: `80.6% [78.1, 83.0]`, `+1.2 [+0.3, +2.1] points`; `2 of 9 seeds against 7`."""
    if isinstance(number.estimate, PairedShares):
        return f"{number.estimate.first} of {number.n_seeds} seeds against {number.estimate.second}"
    part, interval = number.part, number.interval
    words, points = value_words(part, number.value), " points" if is_change(part) else ""
    points += f" for each unit of {quantity_words(part.along)}" if part.along else ""
    if interval is None or interval.low is None or interval.high is None:
        return words + points
    unit = UNITS.get(part.quantity, "%")
    ends = [value_words(part, end).removeprefix("x ").removesuffix(unit) for end in (interval.low, interval.high)]
    return f"{words} [{', '.join(ends)}]{points}"


def rule_words(number: Number) -> str:
    """Return the bounds of a number: `above 95.0%`, `above +0.5`."""
    part, statement = number.part, number.statement
    if part.equals is not None:
        return f"is {value_words(part, part.equals)}"
    bounds = (("above", statement.above), ("below", statement.below))
    return " and ".join(f"{name} {value_words(part, bound)}" for name, bound in bounds if bound is not None)


def subject(evidence: Evidence, part: Part, test: str) -> str:
    """Return what a part is about: `accuracy of LEO minus MAML, 5-way mixed`."""
    along = f" for each unit of {quantity_words(part.along)}" if part.along else ""
    tail = f", {test}" if test and part.quantity.startswith(ON_TEST) else ""
    return f"{number_of(part)}: {compared(evidence, part)}{along}{tail}"


def compared(evidence: Evidence, part: Part) -> str:
    """Return the variants of a part in words: `LEO minus MAML`, `LEO / MAML`."""
    join = {"difference": " minus ", "spread": " minus ", "slope": " minus ", "ratio": " / "}.get(part.kind, ", ")
    over = f", over that on {part.more_than_on}" if part.quantity == ERROR else ""
    return join.join(evidence.label(name) for name in part.named) + over


def briefs(evidence: Evidence, judged: JudgedClaim) -> list[str]:
    """Return for each part what tells it from the others of its claim: quantity, variants, other variant, or test."""
    parts = [one.part for one in judged.parts]
    others = {part.against for part in parts}
    tests, quantities = {test for part in parts for test in part.tests}, {part.quantity for part in parts}
    variants = {part.named[0] for part in parts}
    changes = {part.more_than_on for part in parts if part.quantity != ERROR}
    found = []
    for one in judged.parts:
        measured = one.part.quantity.startswith(MEASURE) and not one.part.along
        named = len(quantities) > 1 or measured or one.part.kind == "spread"
        said = [number_of(one.part)] if named else []
        said += [compared(evidence, one.part)] if len(variants) > 1 else []
        beside = len(variants) == 1 and len(others) > 1 and one.part.against
        said += [f"against {evidence.label(one.part.against)}"] if beside else []
        said += [one.test] if max(len(tests), len(changes)) > 1 and one.test else []
        found.append(", ".join(said))
    return found


def measured_words(evidence: Evidence, judged: JudgedClaim) -> str:
    """Return the numbers of a claim, each with what tells it from the others: `5-way mixed +4.1 [+2.4, +5.8]`."""
    pairs = zip(judged.parts, briefs(evidence, judged), strict=True)
    return "; ".join(f"{name} {number_words(one.number)}".strip() for one, name in pairs if one.number) or NONE


def where_words(evidence: Evidence, judged: JudgedClaim) -> str:
    """Return what a verdict leaves open: where a claim holds and where not, seeds that are wanted, conditions that
    differ too, what is missing, and the side of its bound on which the own interval of an open number lies (leaning).
    """
    if judged.claim.not_measurable:
        return judged.claim.not_measurable
    pairs, said = list(zip(judged.parts, briefs(evidence, judged), strict=True)), []
    partly = ("holds", "does not hold", "inconclusive")
    shown = {
        "holds in part": partly,
        "holds as far as decided": partly,
        "does not hold as far as decided": ("does not hold", "inconclusive"),
        "inconclusive": ("holds",),
    }
    for outcome in shown.get(judged.verdict, ()):
        names = [name for one, name in pairs if one.outcome == outcome]
        said += [f"{outcome}: {listed(names)}"] if names else []
    open_pairs = [(one, name) for one, name in pairs if one.outcome == "inconclusive"]
    if open_pairs:
        said.append(seeds_wanted([one for one, _ in open_pairs]))
    for outcome in ("holds", "does not hold"):
        names = [name for one, name in open_pairs if one.decision and one.decision.leaning == outcome]
        where = f" ({listed(names)})" if 0 < len(names) < len(pairs) else ""
        said += [f"leaning: {outcome}{where}"] if names else []
    notes = " ".join(one.reason for one in judged.parts)
    differing = [name for name, words in DIFFERING.items() if words in notes]
    said += [f"differs too: {listed(differing)}"] if differing else []
    return "; ".join([*said, *missing_words(evidence, judged.parts)])


def missing_words(evidence: Evidence, parts: list[JudgedPart]) -> list[str]:
    """Return what lacks numbers: the studies to run, measures, or why two variants are not compared."""
    found: dict[str, None] = {}
    for one in parts:
        lacking = [name for name in one.part.named if evidence.place(name) is None]
        words = [_missing_study(evidence, name) for name in lacking] or [one.reason]
        found |= dict.fromkeys(words if one.missing else [])
    return list(found)


def _missing_study(evidence: Evidence, variant: str) -> str:
    """Return what to run for a variant without runs."""
    if evidence.study(variant) == evidence.plan.study:
        return f"runs of {evidence.label(variant)}, which are planned here"
    return f"needs the study {evidence.study(variant)}"


def seeds_wanted(parts: list[JudgedPart]) -> str:
    """Return how many seeds would settle open parts: `3 seeds of about 12`, `one seed`."""
    if any(one.number and one.number.n_seeds == 1 for one in parts):
        return "one seed"
    have = min(one.number.n_seeds for one in parts if one.number)
    most = max((one.decision and one.decision.seeds_to_settle) or MOST_SEEDS + 1 for one in parts)
    return f"{have} seeds of " + (f"more than {MOST_SEEDS}" if most > MOST_SEEDS else f"about {most}")
