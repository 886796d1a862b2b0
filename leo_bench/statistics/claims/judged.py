"""Verdicts on claims: each part is decided within the family of all parts, and a claim by its parts."""

from dataclasses import dataclass

from leo_bench.records.claims import ON_TEST, Claim, Part
from leo_bench.statistics import Decision, Outcome, combine, decide
from leo_bench.statistics.claims.estimates import NotMeasured, NotRun, Number, measure, moderated
from leo_bench.statistics.claims.evidence import Evidence

NOT_MEASURABLE = "not measurable here"
DECIDED = ("holds", "holds as far as decided", "holds in part", "does not hold as far as decided", "does not hold")
VERDICTS = (*DECIDED, "inconclusive", NotMeasured.verdict, NotRun.verdict, NOT_MEASURABLE)
"""Verdicts on claims, decided ones first."""


@dataclass(frozen=True)
class JudgedPart:
    """A part of a claim on one test, with its number if there is one."""

    part: Part
    test: str
    number: Number | None
    outcome: Outcome | None
    """None if it is not measured."""
    missing: str = ""
    """Verdict if there is no number."""
    reason: str = ""
    """Reason why there is no number, or no verdict on it."""
    decision: Decision | None = None
    """Verdict within the family of all parts, or that of the study that compares the two variants; None for exact
    numbers, and without several seeds."""


@dataclass(frozen=True)
class JudgedClaim:
    """A claim with its verdict."""

    name: str
    claim: Claim
    parts: list[JudgedPart]

    @property
    def verdict(self) -> str:
        """One of VERDICTS."""
        if self.claim.not_measurable:
            return NOT_MEASURABLE
        leanings = [part.decision.leaning for part in self.parts if part.outcome == "inconclusive" and part.decision]
        outcome = combine([part.outcome for part in self.parts], "does not hold" in leanings)
        missing = [part.missing for part in self.parts]
        return outcome or (NotRun if NotRun.verdict in missing else NotMeasured).verdict


def judge_claims(evidence: Evidence) -> list[JudgedClaim]:
    """Return all claims of a study with their verdicts, in its order. Parts with several seeds are one family, without
    those that another study decides."""
    claims = evidence.claims.claims
    asked = [
        (name, part, test)
        for name, claim in claims.items()
        for part in claim.parts
        for test in (part.tests if part.quantity.startswith(ON_TEST) else part.tests[:1])
    ]
    found = [_measured(evidence, part, test) for _, part, test in asked]
    numbers = moderated({place: one for place, one in enumerate(found) if isinstance(one, Number)})
    undecided = {place: one for place, one in numbers.items() if not one.decision}
    family = {place: (own, one.statement) for place, one in undecided.items() if (own := one.estimate)}
    decisions = dict(zip(family, decide(list(family.values()), evidence.plan.n_looks), strict=True))
    judged: dict[str, list[JudgedPart]] = {name: [] for name in claims}
    for place, ((name, part, test), one) in enumerate(zip(asked, found, strict=True)):
        if isinstance(one, NotMeasured):
            judged[name].append(JudgedPart(part, test, None, None, one.verdict, str(one)))
        else:
            judged[name].append(_judged(part, numbers[place], decisions.get(place)))
    return [JudgedClaim(name, claim, judged[name]) for name, claim in claims.items()]


def _measured(evidence: Evidence, part: Part, test: str) -> Number | NotMeasured:
    try:
        return measure(evidence, part, test)
    except NotMeasured as reason:
        return reason


def _judged(part: Part, one: Number, decided: Decision | None) -> JudgedPart:
    """Return a part with its outcome. decided: its verdict within the family; None if it is not of the family."""
    if decision := one.decision or decided:
        return JudgedPart(part, one.test, one, decision.outcome, reason=one.note, decision=decision)
    if part.is_exact:
        met = one.value == part.equals if part.equals is not None else one.statement.is_met(one.value)
        return JudgedPart(part, one.test, one, "holds" if met else "does not hold")
    return JudgedPart(part, one.test, one, "inconclusive", reason="one seed, which has no verdict")
