"""Tables of the numbers behind the verdicts, with their rules, and of the runs that they come from."""

from collections import Counter

import pandas as pd

from leo_bench.records import Result
from leo_bench.records.claims import DIVERGED
from leo_bench.report.claims.words import number_words, reported, rule_words, subject
from leo_bench.report.study.provenance import training_and_machine
from leo_bench.report.table import NONE, ReportTable, p_value
from leo_bench.statistics.claims.evidence import Evidence
from leo_bench.statistics.claims.judged import JudgedClaim, JudgedPart

NUMBERS = (
    "Every number behind a verdict. Holds if: the rule as a bound. The p is the smaller one of 'it holds' and 'it does "
    "not hold', after Holm's adjustment over all numbers of this table but those that another study decides, as the "
    "remark says: these have its p. Exact numbers have none. Leaning: the side of its bound on which the own 95% "
    "interval of the number lies."
)
SOURCES = (
    "The studies whose runs the numbers above are of. Of each number, numbers.csv has studies, precision and numerics "
    "digests."
)

NUMBER_COLUMNS = (
    "claim kind quantity variants test value low high above below equals n_seeds holm_p verdict leaning "
    "seeds_to_settle reason studies precision numerics"
).split()


def numbers_table(evidence: Evidence, claims: list[JudgedClaim]) -> ReportTable:
    """Return every part of every claim with its number."""
    pairs = [(claim, one) for claim in claims for one in claim.parts]
    numbers = pd.DataFrame([_numbers(evidence, claim, one) for claim, one in pairs], columns=NUMBER_COLUMNS)
    words = pd.DataFrame([_words(evidence, claim, one) for claim, one in pairs])
    return ReportTable("numbers", NUMBERS, numbers, words)


def _numbers(evidence: Evidence, claim: JudgedClaim, one: JudgedPart) -> dict[str, object]:
    """Return what is known of NUMBER_COLUMNS."""
    number, part = one.number, one.part
    row = {"claim": claim.name, "variants": " ".join(part.named), "test": one.test, "n_seeds": 0, "reason": one.reason}
    row |= {name: getattr(part, name) for name in ("kind", "quantity", "equals")}
    row |= {"verdict": one.outcome or one.missing, **(vars(one.decision) if one.decision else {})}
    if number:
        ends = number.interval
        values = {"value": number.value, "low": ends and ends.low, "high": ends and ends.high, **vars(number.statement)}
        row |= {name: reported(part, value) for name, value in values.items() if value is not None}
        row["n_seeds"] = number.n_seeds
        runs = judged_runs(evidence, [one])
        row |= {
            "studies": " ".join(runs),
            "precision": _all(runs, "precision"),
            "numerics": _all(runs, "numerics digest"),
        }
    return row


def _words(evidence: Evidence, claim: JudgedClaim, one: JudgedPart) -> dict[str, str]:
    number, decision = one.number, one.decision
    return {
        "number": subject(evidence, one.part, one.test),
        "measured": number_words(number) if number else NONE,
        "holds if": rule_words(number) if number else NONE,
        "verdict": one.outcome or one.missing,
        "Holm's p": p_value(decision.holm_p) if decision else NONE,
        "leaning": decision.leaning if decision and one.outcome == "inconclusive" else NONE,
        "seeds": str(number.n_seeds) if number else "0",
        "claim": claim.name,
        "remark": one.reason or NONE,
    }


def judged_runs(evidence: Evidence, parts: list[JudgedPart]) -> dict[str, list[Result]]:
    """Return folder of a study -> its runs behind the numbers of these parts, each once."""
    found: dict[str, dict[str, Result]] = {}
    for one in parts:
        ended = one.part.quantity == DIVERGED
        for place in [evidence.place(name, ended) for name in one.part.named] if one.number else []:
            if place:
                runs = found.setdefault(place.data.view.folder.name, {})
                runs |= {run.planned.run_key: run.result for run in place.runs.values() if run.result}
    return {name: list(runs.values()) for name, runs in found.items()}


def diverged_runs(evidence: Evidence, parts: list[JudgedPart]) -> Counter[str]:
    """Return folder of a study -> trainings with a NaN loss that these parts count, each once. They have no result."""
    found = set()
    for one in parts:
        for name in one.part.named if one.number and one.part.quantity == DIVERGED else []:
            if place := evidence.place(name, ended=True):
                seeds = [seed for seed, diverged in place.diverged.items() if diverged]
                found |= {(place.data.view.folder.name, place.variant, seed) for seed in seeds}
    return Counter(folder for folder, _, _ in found)


def sources_table(evidence: Evidence, claims: list[JudgedClaim]) -> ReportTable:
    """Return the provenance of the runs that were judged: a row for each study."""
    rows, parts = [], [one for claim in claims for one in claim.parts]
    diverged = diverged_runs(evidence, parts)
    for name, runs in judged_runs(evidence, parts).items():
        facts = dict(training_and_machine(runs))
        shown = ("precision", "batch norm", "numerics digest", "commit", "host")
        lost = f" and {diverged[name]} with a NaN loss" if diverged[name] else ""
        rows.append(
            {"runs of the study": name, "judged": f"{len(runs)}{lost}", **{what: facts[what] for what in shown}}
        )
    frame = pd.DataFrame(rows)
    return ReportTable("sources", SOURCES, frame, frame)


def _all(runs: dict[str, list[Result]], name: str) -> str:
    """Return one of the values of training_and_machine of these runs."""
    return dict(training_and_machine([run for own in runs.values() for run in own]))[name]
