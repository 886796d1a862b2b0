"""Verdicts on claims: each part is decided within the family of all parts, and a claim by its parts."""

from collections.abc import Iterable
from dataclasses import dataclass

from leo_bench.records.claims import Claim, Part
from leo_bench.report.claims.estimates import NotMeasured, NotRun, Number, measure, moderated
from leo_bench.report.claims.evidence import Evidence
from leo_bench.statistics import Decision, Outcome, combine, decide

NOT_MEASURABLE = "not measurable here"
NOT_RUN, NOT_MEASURED = "not run at this profile", "not measured at this profile"
VERDICTS = ("holds", "holds in part", "does not hold", "inconclusive", NOT_MEASURED, NOT_RUN, NOT_MEASURABLE)
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
    """NOT_RUN or NOT_MEASURED if there is no number."""
    reason: str = ""
    """Reason why there is no number, or no verdict on it."""
    decision: Decision | None = None
    """Verdict within the family of all parts; None for exact numbers, and without several seeds."""


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
        outcome = combine([part.outcome for part in self.parts])
        missing = [part.missing for part in self.parts]
        return outcome or (NOT_RUN if NOT_RUN in missing else NOT_MEASURED)


def judge_claims(evidence: Evidence) -> list[JudgedClaim]:
    """Return all claims of a study with their verdicts, in its order."""
    asked = [
        (name, part, test)
        for name, claim in evidence.claims.claims.items()
        for part in claim.parts
        for test in (part.tests if part.quantity.startswith("accuracy") else part.tests[:1])
    ]
    found = [_measured(evidence, part, test) for _, part, test in asked]
    numbers = iter(moderated([one for one in found if isinstance(one, Number)]))
    known = [next(numbers) if isinstance(one, Number) else one for one in found]
    judged = list(zip((name for name, *_ in asked), _judged(asked, known), strict=True))
    return [
        JudgedClaim(name, claim, [part for of, part in judged if of == name])
        for name, claim in evidence.claims.claims.items()
    ]


def family_size(claims: Iterable[JudgedClaim]) -> int:
    """Return the number of parts that Holm's adjustment allows for."""
    return sum(part.decision is not None for claim in claims for part in claim.parts)


def _measured(evidence: Evidence, part: Part, test: str) -> Number | NotMeasured:
    try:
        return measure(evidence, part, test)
    except NotMeasured as reason:
        return reason


def _judged(asked: list[tuple[str, Part, str]], known: list[Number | NotMeasured]) -> list[JudgedPart]:
    """Return each part with its outcome. Parts with several seeds are one family."""
    family = [(one.estimate, one.statement) for one in known if isinstance(one, Number) and one.estimate]
    decisions = iter(decide([(estimate, statement) for estimate, statement in family if estimate]))
    parts = []
    for (_, part, test), one in zip(asked, known, strict=True):
        if isinstance(one, NotMeasured):
            missing = NOT_RUN if isinstance(one, NotRun) else NOT_MEASURED
            parts.append(JudgedPart(part, test, None, None, missing, str(one)))
        elif one.estimate:
            decision = next(decisions)
            parts.append(JudgedPart(part, one.test, one, decision.outcome, reason=one.note, decision=decision))
        elif part.kind == "count":
            met = one.value == part.equals if part.equals is not None else one.statement.is_met(one.value)
            parts.append(JudgedPart(part, one.test, one, "holds" if met else "does not hold"))
        else:
            parts.append(JudgedPart(part, one.test, one, "inconclusive", reason="one seed, which has no verdict"))
    return parts
