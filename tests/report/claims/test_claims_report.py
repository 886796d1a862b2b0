"""Claims judged on made-up records: true, false and open ones, several studies, costs, counts, measures, pages."""

import math
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from results_fixture import NUMERICS, edit_record, make_plan, write_attempt, write_run, write_study

from leo_bench.config import training_key
from leo_bench.records import Measure, Measures, Plan, RunState, read_record, write_record
from leo_bench.records.claims import Claim, Claims, ComparisonTable, Part, Source, TableRow
from leo_bench.report import write_report
from leo_bench.report.claims.docs import write_claims_docs
from leo_bench.report.claims.figures import claim_plots
from leo_bench.report.claims.numbers import numbers_table, sources_table
from leo_bench.report.claims.page import claims_answer
from leo_bench.report.claims.rows import claim_rows, claims_markdown, counts_markdown, opening_markdown
from leo_bench.report.claims.words import measured_words, number_words, where_words
from leo_bench.report.findings import write_findings
from leo_bench.report.pages import TEXT
from leo_bench.running.study_file import read_study
from leo_bench.statistics.claims.evidence import Evidence
from leo_bench.statistics.claims.judged import JudgedClaim, judge_claims
from leo_bench.statistics.studies.differences import all_effects
from leo_bench.statistics.studies.study import load_study_data

SEEDS = [0, 1, 2]
ACCURACY = {"leo": 0.8, "good": 0.9, "bad": 0.6, "same": 0.8, "wild": 0.85, "split": 0.9, "costly": 0.8, "maml": 0.85}
"""Variant -> accuracy at 5 ways. `wild` differs from seed to seed; `split` loses at 20 ways what it gains at 5."""


def counts(variant: str, seed: int, n_way: int, mode: str) -> np.ndarray:
    """Twelve episodes with nearly the variant's accuracy, and a tenth less before adapting; no randomness."""
    jitter = {"wild": (-0.12, 0.0, 0.12)}.get(variant, (-0.004, 0.0, 0.004))[seed % 3] * (-1 if variant == "bad" else 1)
    mean = ACCURACY[variant] + jitter + (-0.2 if variant == "split" and n_way == 20 else 0)
    after = np.round(n_way * 15 * (mean + np.linspace(-0.02, 0.02, 12)))
    before = np.round(after - 0.1 * n_way * 15)
    return np.column_stack([before, *[after] * 5])


def claim(*parts: Part, **values: Any) -> Claim:
    return Claim(**{"section": "S", "words": "a statement", "parts": list(parts), **values})


def more(variant: str, **values: Any) -> Part:
    return Part(kind="difference", variant=variant, against="leo", **{"above": "margin", **values})


VARIANTS: dict[str, dict[str, Any]] = {
    "leo": {},
    "good": {"latent_dim": 32},
    "bad": {"latent_dim": 8},
    "same": {"latent_dim": 48},
    "wild": {"latent_dim": 96},
    "split": {"latent_dim": 128},
    "costly": {"latent_dim": 256},
}


def write_claims(
    results: Path,
    claims: Mapping[str, Claim],
    sources: Mapping[str, Source] | None = None,
    tables: list[ComparisonTable] | None = None,
    done: list[str] | None = None,
    seeds: list[int] | None = None,
    variants: Mapping[str, dict[str, Any]] | None = None,
) -> Path:
    """A study of claims with runs of the variants in done, by default of all. variants: other settings of some."""
    plan = make_plan({**VARIANTS, **(variants or {})}, seeds or SEEDS, study="claims")
    found = Claims(claims=dict(claims), sources=dict(sources or {}), tables=tables or [])
    plan = plan.model_copy(update={"claims": found})
    for run in plan.runs:
        if run.variant in (VARIANTS if done is None else done):
            folder = write_run(results, plan, run, counts)
            if run.variant == "costly":  # trains twice as long as leo with the same seed
                edit_record(folder / "result.json", train_seconds=2 * (110.0 + run.seed))
    return write_study(results, plan)


def judged(folder: Path) -> tuple[Evidence, dict[str, JudgedClaim]]:
    evidence = Evidence(load_study_data(folder))
    return evidence, {one.name: one for one in judge_claims(evidence)}


def test_a_true_claim_holds_a_false_one_is_refuted_and_an_underpowered_one_is_open(tmp_path: Path) -> None:
    folder = write_claims(
        tmp_path,
        {"true": claim(more("good")), "false": claim(more("bad")), "open": claim(more("wild"))},
    )
    evidence, found = judged(folder)
    assert {name: one.verdict for name, one in found.items()} == {
        "true": "holds",
        "false": "does not hold",
        "open": "inconclusive",
    }
    assert measured_words(evidence, found["true"]).startswith("+10.0 [")
    (part,) = found["open"].parts
    assert part.decision is not None
    # by hand: differences of 5 points with a spread of 11.7, a margin of 0.5, and a family of three. A normal test at
    # 5%/3 that finds this in 80% of cases needs n = ((2.13 + 0.84) * 11.7 / 4.5)^2 = 60 seeds, and t one or two more.
    # The other spreads moderate this one to 10.7 at least, which makes it 50.
    wanted = part.decision.seeds_to_settle
    assert wanted is not None and 50 <= wanted <= 62
    assert where_words(evidence, found["open"]) == f"3 seeds of about {wanted}"


def test_parts_that_compare_with_different_variants_name_them(tmp_path: Path) -> None:
    parts = [more("good"), more("good").model_copy(update={"against": "bad"})]
    evidence, found = judged(write_claims(tmp_path, {"both": claim(*parts)}))
    words = measured_words(evidence, found["both"])
    assert words.startswith("against leo +10.0 [") and "; against bad +" in words


def test_a_condition_that_differs_too_is_named(tmp_path: Path) -> None:
    variants = {"good": {"latent_dim": 32, "precision": "bfloat16"}}
    evidence, found = judged(
        write_claims(tmp_path, {"one": claim(more("good")), "two": claim(more("bad"))}, variants=variants)
    )
    assert where_words(evidence, found["one"]) == "differs too: precision"
    assert where_words(evidence, found["two"]) == ""


def test_a_claim_that_holds_in_part_names_where(tmp_path: Path) -> None:
    tests = ["5-way mixed", "20-way mixed"]
    evidence, found = judged(write_claims(tmp_path, {"part": claim(more("split", tests=tests))}))
    assert found["part"].verdict == "holds in part"
    assert where_words(evidence, found["part"]) == "holds: 5-way mixed; does not hold: 20-way mixed"


def test_how_much_more_on_one_test_than_on_another(tmp_path: Path) -> None:
    """split leads by 10 points at 5 ways and trails by 10 at 20 ways: 20 points more."""
    part = more("split", more_than_on="20-way mixed", above=0.0)
    evidence, found = judged(write_claims(tmp_path, {"more": claim(part)}))
    assert found["more"].verdict == "holds"
    assert measured_words(evidence, found["more"]).startswith("+20.0 [")


def test_parts_that_differ_in_what_they_are_more_than_on_say_so(tmp_path: Path) -> None:
    both = claim(more("split", above=0.0), more("split", more_than_on="20-way mixed", above=0.0))
    evidence, found = judged(write_claims(tmp_path, {"both": both}))
    words = measured_words(evidence, found["both"])
    assert words.startswith("5-way mixed +10.0 [") and "; 5-way mixed against 20-way mixed +20.0 [" in words


def test_a_ratio_of_errors_on_two_tests_by_hand(tmp_path: Path) -> None:
    """Errors of leo and split: 0.2 and 0.1 at 5 ways, 0.2 and 0.3 at 20: leo has 2 times as many, and then 2/3."""
    part = Part(kind="ratio", quantity="error", variant="leo", against="split", more_than_on="20-way mixed", above=1.0)
    evidence, found = judged(write_claims(tmp_path, {"more": claim(part)}))
    number = found["more"].parts[0].number
    assert number is not None and math.exp(number.value) == pytest.approx(3, rel=0.02), "counts are rounded"
    assert found["more"].verdict == "holds" and measured_words(evidence, found["more"]).startswith("x 3.0")


def test_missing_runs_and_measures_are_named(tmp_path: Path) -> None:
    sources = {"maml": Source(study="compare", variant="maml", label="MAML")}
    level = Part(kind="level", quantity="measure:spectrum_top", variant="leo", above=0.5)
    claims = {"run": claim(more("good"), more("maml")), "none": claim(more("maml")), "measure": claim(level)}
    evidence, found = judged(write_claims(tmp_path, claims, sources))
    assert found["run"].verdict == "holds as far as decided" and found["none"].verdict == "not run at this profile"
    assert where_words(evidence, found["none"]) == "needs the study compare"
    assert found["none"].parts[0].reason == "no run of MAML (study compare)"
    assert found["measure"].verdict == "not measured at this profile"
    assert where_words(evidence, found["measure"]) == "no spectrum top of leo is recorded"


def test_one_seed_is_no_verdict(tmp_path: Path) -> None:
    evidence, found = judged(write_claims(tmp_path, {"one": claim(more("good"))}, seeds=[0]))
    assert found["one"].verdict == "inconclusive" and where_words(evidence, found["one"]) == "one seed"


def test_the_family_is_all_parts_of_all_claims(tmp_path: Path) -> None:
    """The p of the part alone times the number of parts, since it has the smallest p."""
    alone = judged(write_claims(tmp_path / "a", {"true": claim(more("good"))}))[1]["true"].parts[0].decision
    others = {f"open{number}": claim(more("wild"), more("same")) for number in range(4)}
    folder = write_claims(tmp_path / "b", {"true": claim(more("good")), **others})
    family = judged(folder)[1]["true"].parts[0].decision
    assert alone is not None and family is not None
    assert family.holm_p == pytest.approx(9 * alone.holm_p)


def test_a_ratio_of_costs_by_hand(tmp_path: Path) -> None:
    ratio = Part(kind="ratio", quantity="train_seconds", variant="costly", against="leo", above=1.5)
    wrong = ratio.model_copy(update={"above": None, "below": 1.5})
    evidence, found = judged(write_claims(tmp_path, {"slower": claim(ratio), "not": claim(wrong)}))
    number = found["slower"].parts[0].number
    assert number is not None and number.value == pytest.approx(math.log(2))
    assert measured_words(evidence, found["slower"]) == "x 2.00 [2.00, 2.00]"
    assert (found["slower"].verdict, found["not"].verdict) == ("holds", "does not hold")


def test_a_ratio_of_costs_of_two_learners_names_their_recipes(tmp_path: Path) -> None:
    """leo trains in 500 updates of 4 episodes of 5 * (1 + 15) images, the other in 2,000 of one."""
    ratio = Part(kind="ratio", quantity="train_seconds", variant="costly", against="leo", above=1.5)
    variants = {"leo": {}, "costly": {"learner": "protonet", "meta_batch_size": 1}}
    plan = make_plan(variants, SEEDS, study="claims")
    plan = plan.model_copy(update={"claims": Claims(claims={"slower": claim(ratio)})})
    for run in plan.runs:
        write_run(tmp_path, plan, run, lambda name, *_: np.full((12, 1 if name == "costly" else 6), 60))
    evidence, found = judged(write_study(tmp_path, plan))
    words = "2,000 updates of 80 images, constant 0.001, padding 0 against 500 updates of 320 images"
    assert found["slower"].parts[0].reason.startswith(f"recipes differ: {words}")
    assert "differs too: recipe" in where_words(evidence, found["slower"])


@pytest.mark.parametrize(("own", "base", "compared"), [("AAB", "BBA", False), ("AAB", "AAB", True)])
def test_times_are_of_the_same_machine_at_each_seed(tmp_path: Path, own: str, base: str, compared: bool) -> None:
    ratio = Part(kind="ratio", quantity="train_seconds", variant="costly", against="leo", above=1.5)
    folder = write_claims(tmp_path, {"slower": claim(ratio)}, seeds=[0, 1, 2])
    for run in load_study_data(folder).view.runs:
        machines = {"costly": own, "leo": base}.get(run.planned.variant)
        if machines:
            edit_record(run.folder / "result.json", host={"processor": machines[run.planned.seed]})
    _, found = judged(folder)
    assert (found["slower"].parts[0].number is not None) == compared


def test_a_seed_that_may_not_be_compared_is_in_no_number_of_accuracies(tmp_path: Path) -> None:
    """Seed 5 of `wild` was tested on other episodes. Without it there are as many seeds as in a difference."""
    parts = {
        "spread": Part(kind="spread", variant="wild", against="leo", above=0.0),
        "difference": more("wild", above=0.0),
        "split": more("wild", more_than_on="20-way mixed", above=0.0),
    }
    folder = write_claims(tmp_path, {name: claim(part) for name, part in parts.items()}, seeds=list(range(6)))
    (run,) = (
        run for run in load_study_data(folder).view.runs if (run.planned.variant, run.planned.seed) == ("wild", 5)
    )
    for path in run.folder.glob("tests/*/result.json"):
        edit_record(path, episodes_digest="others")
    _, found = judged(folder)
    assert [claim.parts[0].number.n_seeds for claim in found.values() if claim.parts[0].number] == [5, 5, 5]


def test_times_of_different_machines_are_not_compared(tmp_path: Path) -> None:
    ratio = Part(kind="ratio", quantity="train_seconds", variant="costly", against="leo", above=1.5)
    memory = ratio.model_copy(update={"quantity": "peak_memory_mb", "above": 0.5})
    folder = write_claims(tmp_path, {"slower": claim(ratio), "larger": claim(memory)})
    for run in load_study_data(folder).view.runs:
        if run.planned.variant == "costly":
            edit_record(run.folder / "result.json", host={"processor": "Another CPU"})
    _, found = judged(folder)
    assert found["slower"].verdict == "not measured at this profile"
    assert found["slower"].parts[0].reason == "costs of different machines are not compared"
    assert found["larger"].verdict == "holds"


@pytest.mark.parametrize(
    ("changes", "quantity", "reason"),
    [
        (
            {"precision": "bfloat16"},
            "peak_memory_mb",
            "costs of different precision are not compared (bfloat16 against",
        ),
        ({"n_train_images": 80}, "train_seconds", "costs of different numbers of training images are not compared (80"),
        ({"n_train_images": 80}, "peak_memory_mb", ""),
    ],
)
def test_costs_at_other_conditions_are_not_compared(
    tmp_path: Path, changes: dict[str, Any], quantity: str, reason: str
) -> None:
    ratio = Part(kind="ratio", quantity=quantity, variant="costly", against="leo", above=0.5)
    difference = Part(kind="difference", quantity=quantity, variant="costly", against="leo", above=-1e9)
    about = ratio.model_copy(update={"may_differ": list(changes)})
    claims = {"ratio": claim(ratio), "difference": claim(difference), "about_it": claim(about)}
    variants = {"costly": {"latent_dim": 256, **changes}} if "precision" in changes else {}
    folder = write_claims(tmp_path, claims, variants=variants)
    for run in load_study_data(folder).view.runs:
        if run.planned.variant == "costly" and not variants:
            edit_record(run.folder / "result.json", **changes)
    _, found = judged(folder)
    for name in ("ratio", "difference"):
        assert found[name].parts[0].reason.startswith(reason) and bool(reason) == (found[name].verdict != "holds")
    assert found["about_it"].verdict == "holds"


def test_exact_counts_by_hand(tmp_path: Path) -> None:
    """Records of the fixture have 325 generated numbers; an episode of 5 ways adapts 5 codes of 64, or the mean
    of them, if that alone is decoded."""
    claims = {
        "right": claim(Part(kind="count", quantity="n_generated", variant="leo", equals=325)),
        "wrong": claim(Part(kind="count", quantity="n_generated", variant="leo", equals=326)),
        "adapted": claim(Part(kind="count", quantity="n_adapted", variant="leo", equals=320)),
        "adapted_as_one": claim(Part(kind="count", quantity="n_adapted", variant="costly", equals=64)),
        "code": claim(Part(kind="count", quantity="setting:latent_dim", variant="good", above=31, below=33)),
        "share": claim(Part(kind="count", quantity="own_share", variant="leo", equals=325 / 216400)),
    }
    evidence, found = judged(write_claims(tmp_path, claims, variants={"costly": {"decode": "task"}}))
    opening = claims_answer(evidence.data, list(found.values()))[0]
    assert opening.endswith("5 holds and 1 does not hold. 6 of these are exact: counts, which no seed changes.")
    verdicts = {name: one.verdict for name, one in found.items()}
    assert verdicts == {
        "right": "holds",
        "wrong": "does not hold",
        "adapted": "holds",
        "adapted_as_one": "holds",
        "code": "holds",
        "share": "holds",
    }
    assert all(part.decision is None for one in found.values() for part in one.parts), "exact: no part of the family"


def test_an_exact_ratio_by_hand(tmp_path: Path) -> None:
    """A ratio of counts is the same for every seed: no part of the family, and no verdict where runs disagree."""
    ratio = Part(kind="ratio", quantity="multiply_adds", variant="good", against="leo", below=0.5)
    claims = {
        "quarter": claim(ratio),
        "above": claim(ratio.model_copy(update={"below": None, "above": 0.3})),
        "unlike": claim(ratio.model_copy(update={"variant": "bad"})),
        "old": claim(ratio.model_copy(update={"variant": "wild"})),
        "none": claim(ratio.model_copy(update={"quantity": "n_generated", "against": "costly"})),
    }
    folder = write_claims(tmp_path, claims)
    for run in load_study_data(folder).view.runs:
        variant, seed = run.planned.variant, run.planned.seed
        known = {"good": 100, "leo": 400, "bad": 100 + seed, "wild": None}
        edit_record(run.folder / "result.json", multiply_adds=known.get(variant, 1))
        if variant == "costly":
            edit_record(run.folder / "result.json", n_generated=0)
    _, found = judged(folder)
    assert (found["quarter"].verdict, found["above"].verdict) == ("holds", "does not hold")
    (part,) = found["quarter"].parts
    assert part.decision is None and part.number is not None and number_words(part.number) == "x 0.25"
    assert found["unlike"].parts[0].reason.startswith("the runs disagree: 10")
    assert found["old"].parts[0].reason == "no multiply adds of wild is recorded"
    assert found["none"].parts[0].reason == "n_generated of 0 has no ratio"


def write_measures(run: RunState, **parts: list[float]) -> None:
    """Measures of a run: name -> its number for each episode."""
    assert run.result is not None
    record = Measures(
        run_key=run.planned.run_key,
        weights_digest=run.result.weights_digest,
        data_digest=run.result.data_digest,
        episodes_digest="5m1",
        numerics="0123456789ab",
        n_way=5,
        k_shot=1,
        n_episodes=len(next(iter(parts.values()))),
        n_within_alphabet=1,
        commit="abc123def456",
        versions={},
        measures={
            name: Measure(value=sum(own) / len(own), per_episode=own, unit="", what="w") for name, own in parts.items()
        },
    )
    write_record(run.folder / "measures.json", record)


def test_a_spread_by_hand(tmp_path: Path) -> None:
    """Seeds of `wild` are 12, 0, 12 points from their median, those of `leo` 0.4, 0, 0.4: 7.7 further in the mean.
    Those of `good` are as far as those of `leo`, at another accuracy."""

    def spread(variant: str, **values: Any) -> Part:
        return Part(kind="spread", variant=variant, against="leo", **values)

    claims = {"wilder": claim(spread("wild", above=0.0)), "calmer": claim(spread("wild", below=0.0))}
    claims |= {"same": claim(spread("good", above=0.0))}
    evidence, found = judged(write_claims(tmp_path, claims, seeds=list(range(9))))
    number = found["wilder"].parts[0].number
    assert number is not None and number.n_seeds == 9
    assert number.value == pytest.approx((12 + 0 + 12 - 0.8) / 300, abs=0.004)  # accuracies are whole answers of 900
    assert (found["wilder"].verdict, found["calmer"].verdict) == ("holds", "does not hold")
    other = found["same"].parts[0].number
    assert other is not None and other.value == pytest.approx(0, abs=0.002)
    words = measured_words(evidence, found["wilder"])
    assert words.startswith("distance of a seed's accuracy from the median +7.") and words.endswith(" points")
    _, few = judged(write_claims(tmp_path / "few", claims, seeds=[0, 1, 2, 3]))
    assert few["wilder"].verdict == "not measured at this profile"
    assert few["wilder"].parts[0].reason == "a spread needs 5 seeds, and there are 4"


NAN = "the training loss became nan (gradient norm nan) by episode 400; lower inner_lr (now 1)"


def write_divergences(results: Path, claims: Mapping[str, Claim], ends: Mapping[str, str], seeds: int) -> Path:
    """A study of claims; for each variant how its seeds end: `n` with a NaN loss, `m` for lack of memory, `d` done."""
    folder = write_claims(results, claims, done=[], seeds=list(range(seeds)))
    for run in read_record(folder / "study.json", Plan).runs:
        end = ends.get(run.variant, "")[run.seed : run.seed + 1]
        if end == "d":
            write_run(results, read_record(folder / "study.json", Plan), run, counts)
        elif end:
            write_attempt(results, run, "failed", NAN if end == "n" else "out of memory; run fewer at a time", 300)
    return folder


def diverges(variant: str, **values: Any) -> Part:
    return Part(kind="difference", quantity="diverged", variant=variant, against="leo", **values)


def test_trainings_that_diverge_by_hand(tmp_path: Path) -> None:
    """Eight seeds: `leo` diverges at all, `good` at none, `same` at seven, `bad` at all of the six that ended."""
    claims = {
        "cured": claim(diverges("good", below=0)),
        "worse": claim(diverges("good", above=0)),
        "open": claim(diverges("same", below=0)),
        "alike": claim(diverges("bad", below=0)),
    }
    ends = {"leo": "n" * 8, "good": "d" * 8, "same": "n" * 7 + "d", "bad": "nnnnnnm"}
    evidence, found = judged(write_divergences(tmp_path, claims, ends, 8))
    assert {name: one.verdict for name, one in found.items()} == {
        "cured": "holds",  # 4 * 2^-8 is below 0.05
        "worse": "does not hold",
        "open": "inconclusive",
        "alike": "inconclusive",
    }
    assert [measured_words(evidence, one) for one in found.values()] == [
        "0 of 8 seeds against 8",
        "0 of 8 seeds against 8",
        "7 of 8 seeds against 8",
        "6 of 6 seeds against 6",
    ]
    # seven must differ, as 2^-7 is below 0.05 / 4. One of eight does: of 72 seeds seven or more in 80% of cases
    assert where_words(evidence, found["open"]) == "8 seeds of about 72"
    (plot,) = claim_plots(evidence, list(found.values())).values()
    assert "-100 points (holds)" in plot.panels[0].alt and "-12 points (inconclusive)" in plot.panels[0].alt
    frame = numbers_table(evidence, list(found.values())).numbers.set_index("claim")
    assert frame.loc["open", "reason"] == "seeds at which it is the first alone: 0; the second alone: 1"
    (row,) = sources_table(evidence, list(found.values())).numbers.to_dict("records")
    assert row["judged"] == "9 and 21 with a NaN loss"  # 8 + 7 + 6 of three variants, and 8 of leo


def test_no_other_number_comes_from_a_training_that_diverged(tmp_path: Path) -> None:
    claims = {"accuracy": claim(more("good")), "time": claim(diverges("wild", below=0))}
    evidence, found = judged(write_divergences(tmp_path, claims, {"leo": "nnn", "good": "ddd"}, 3))
    assert [one.verdict for one in found.values()] == ["not measured at this profile", "not run at this profile"]
    assert where_words(evidence, found["accuracy"]) == "every training of leo that ended did so with a NaN loss"
    assert where_words(evidence, found["time"]) == "runs of wild, which are planned here"


def test_one_seed_that_diverged_is_no_verdict(tmp_path: Path) -> None:
    claims = {"one": claim(diverges("good", below=0))}
    evidence, found = judged(write_divergences(tmp_path, claims, {"leo": "n", "good": "d"}, 1))
    assert (found["one"].verdict, measured_words(evidence, found["one"])) == ("inconclusive", "-100 points")


def test_a_slope_by_hand(tmp_path: Path) -> None:
    """The difference grows by 0.1 from a similarity of 0 to 0.2, then by 0.3 to 0.4: a slope of 1 by least squares, and
    a little more or less with the seed. The similarity of `good` itself has no say."""
    part = Part(
        kind="slope",
        quantity="measure:episode_accuracy",
        along="measure:class_similarity",
        variant="good",
        against="leo",
        above=0.0,
    )
    folder = write_claims(tmp_path, {"similar": claim(part), "not": claim(part.model_copy(update={"variant": "bad"}))})
    for run in load_study_data(folder).view.runs:
        if run.planned.variant in ("leo", "good"):
            more = [0.0, 0.1, 0.4 + 0.004 * (run.planned.seed - 1)] if run.planned.variant == "good" else [0.0] * 3
            alike = [0.0, 0.2, 0.4] if run.planned.variant == "leo" else [0.9, 0.1, 0.2]
            accuracy = [0.5 + own for own in more]
            write_measures(run, episode_accuracy=accuracy, class_similarity=alike)
    evidence, found = judged(folder)
    number = found["similar"].parts[0].number
    assert number is not None and number.value == pytest.approx(1.0) and number.n_seeds == 3
    assert found["similar"].verdict == "holds"
    assert measured_words(evidence, found["similar"]).endswith("] points for each unit of class similarity")
    assert found["not"].verdict == "not measured at this profile"


def test_measures_of_the_runs_are_judged_over_seeds(tmp_path: Path) -> None:
    level = Part(kind="level", quantity="measure:direction_stability", variant="leo", above=0.5)
    apart = Part(kind="difference", quantity="measure:direction_stability", variant="leo", against="good", below=0.0)
    folder = write_claims(tmp_path, {"level": claim(level), "apart": claim(apart)})
    for run in load_study_data(folder).view.runs:
        value = {"leo": 0.2, "good": 0.9}.get(run.planned.variant, 0.0) + 0.001 * run.planned.seed**2
        write_measures(run, direction_stability=[value, value])
    evidence, found = judged(folder)
    assert found["level"].verdict == "does not hold"
    number = found["level"].parts[0].number
    assert number is not None and number.value == pytest.approx(0.2 + 0.005 / 3)
    assert found["apart"].verdict == "holds" and measured_words(evidence, found["apart"]).startswith(
        "direction stability -0.70"
    )


def test_a_measure_of_another_run_or_a_damaged_file_is_none(tmp_path: Path) -> None:
    level = Part(kind="level", quantity="measure:spectrum_top", variant="leo", above=0.5)
    folder = write_claims(tmp_path, {"level": claim(level)})
    for run, text in zip(
        load_study_data(folder).view.runs[:: len(VARIANTS)],
        ("{", '{"run_key": "x", "measures": {}}', "[]"),
        strict=True,
    ):
        (run.folder / "measures.json").write_text(text)
    assert judged(folder)[1]["level"].verdict == "not measured at this profile"


def test_levels_of_accuracy_before_and_after_adapting(tmp_path: Path) -> None:
    claims = {
        "after": claim(Part(kind="level", variant="leo", above=0.75)),
        "before": claim(Part(kind="level", quantity="accuracy_before", variant="leo", above=0.75)),
        "gain": claim(Part(kind="level", quantity="accuracy_gain", variant="leo", above="margin")),
    }
    evidence, found = judged(write_claims(tmp_path, claims))
    assert {name: one.verdict for name, one in found.items()} == {
        "after": "holds",
        "before": "does not hold",
        "gain": "holds",
    }
    assert measured_words(evidence, found["after"]).startswith("80.0% [")
    assert measured_words(evidence, found["gain"]).startswith("+10.")


def test_a_trend_over_three_variants(tmp_path: Path) -> None:
    """0.6, 0.8 and 0.9 rise by 30 points from the first to the last; the middle one has no say."""
    trend = Part(kind="trend", variants=["bad", "leo", "good"], above="margin")
    evidence, found = judged(write_claims(tmp_path, {"trend": claim(trend)}))
    assert found["trend"].verdict == "holds" and measured_words(evidence, found["trend"]).startswith("+30.0 [")


def other_study(results: Path, profile: str = "cpu", seeds: list[int] | None = None) -> Plan:
    """A study whose variant `net` is a MAML."""
    maml = {"learner": "maml", "decode": "task"}
    plan = make_plan({"net": maml}, seeds or SEEDS, study="compare", profile=profile)
    for run in plan.runs:
        write_run(
            results, plan, run.model_copy(update={"variant": "maml"}), lambda *a: counts(*a)[:, [0, -1]], steps=[0, 1]
        )
    write_study(results, plan)
    return plan


SOURCES = {"maml": Source(study="compare", variant="net", label="MAML")}


def test_runs_of_another_study_count_local_and_published(tmp_path: Path) -> None:
    lead = Part(kind="difference", variant="good", against="maml", above="margin")
    folder = write_claims(tmp_path, {"lead": claim(lead)}, SOURCES)
    assert judged(folder)[1]["lead"].verdict == "not run at this profile"
    other_study(tmp_path, profile="smoke")
    assert judged(folder)[1]["lead"].verdict == "not run at this profile", "another profile"
    other_study(tmp_path / "official", seeds=[0, 1])
    evidence, found = judged(folder)
    place = evidence.place("maml")
    assert place is not None and (place.variant, len(place.runs)) == ("net", 2)
    number = found["lead"].parts[0].number
    assert number is not None and number.value == pytest.approx(0.05, abs=0.002), "counts of right answers are rounded"
    other_study(tmp_path)
    place = Evidence(load_study_data(folder)).place("maml")
    assert place is not None and len(place.runs) == 3, "the one with more seeds"


def test_the_report_of_one_claim_without_runs_says_what_is_missing(tmp_path: Path) -> None:
    folder = write_claims(tmp_path, {"open": claim(more("good"))}, done=["leo", "bad"])
    evidence, found = judged(folder)
    assert where_words(evidence, found["open"]) == "runs of good, which are planned here"
    opening = claims_answer(evidence.data, list(found.values()))
    assert opening[0] == "1 statement of the document: 1 not run at this profile."
    assert not any("Holm" in sentence for sentence in opening)


def test_a_run_with_other_settings_under_the_name_of_a_source_does_not_count(tmp_path: Path) -> None:
    trained = {**other_study(tmp_path).runs[0].settings, "seed": 7, "precision": "bfloat16"}
    lead = Part(kind="difference", variant="good", against="maml", above="margin")
    others: tuple[dict[str, Any], ...] = ({"learner": "protonet"}, {"inner_steps": 1})
    for changed in ({}, *others):
        verdict = "not run at this profile" if changed else "holds"
        source = SOURCES["maml"].model_copy(update={"training": training_key({**trained, **changed})})
        folder = write_claims(tmp_path, {"lead": claim(lead)}, {"maml": source})
        assert judged(folder)[1]["lead"].verdict == verdict, changed


def test_a_pair_that_another_study_compares_has_the_verdict_of_that_study(tmp_path: Path) -> None:
    """Either way round, and outside the family of the page; other bounds than the margin are judged here."""
    other = make_plan({"base": {"latent_dim": 16}, "up": {"latent_dim": 24}}, SEEDS, study="compare")
    for run in other.runs:
        name = {"base": "bad", "up": "leo"}[run.variant]
        write_run(tmp_path, other, run, lambda _, *place, name=name: counts(name, *place))
    write_study(tmp_path, other)
    sources = {name: Source(study="compare", variant=name, label=name) for name in ("base", "up")}
    lead = Part(kind="difference", variant="up", against="base", above="margin")
    claims = {
        "lead": lead,
        "turned": lead.model_copy(update={"variant": "base", "against": "up", "above": None, "below": "-margin"}),
        "no_loss": lead.model_copy(update={"above": "-margin"}),
        "trails": lead.model_copy(update={"above": None, "below": "-margin"}),
        "here": lead.model_copy(update={"above": 0.0}),
    }
    folder = write_claims(tmp_path, {name: claim(part) for name, part in claims.items()}, sources)
    _, found = judged(folder)
    assert {name: one.verdict for name, one in found.items()} == {
        "lead": "holds",
        "turned": "holds",
        "no_loss": "holds",
        "trails": "does not hold",
        "here": "holds",
    }
    parts = {name: one.parts[0] for name, one in found.items()}
    owner = all_effects(load_study_data(tmp_path / "compare-cpu"), (5, "mixed"))["holm_p"].iloc[0]
    decisions = {name: part.decision for name, part in parts.items() if part.decision}
    assert [decisions[name].holm_p for name in ("lead", "turned", "trails")] == pytest.approx([owner] * 3)
    assert decisions["here"].holm_p < owner, "the only one of its family, and not doubled"
    assert "the verdict is that of the study compare" in parts["lead"].reason
    text = write_report(folder, tmp_path / "reports" / "claims-cpu").with_suffix(".md").read_text()
    assert "1 numbers with several seeds are judged here" in text and "4 more have the verdict of the study" in text


def test_runs_on_another_data_set_do_not_count(tmp_path: Path) -> None:
    folder = write_claims(tmp_path, {"lead": claim(more("maml"))}, SOURCES)
    plan = make_plan({"net": {"dataset": "glyphs"}}, SEEDS, study="compare")
    for run in plan.runs:
        write_run(tmp_path, plan, run.model_copy(update={"variant": "maml"}), counts)
    write_study(tmp_path, plan)
    assert judged(folder)[1]["lead"].verdict == "not run at this profile"


TABLE = ComparisonTable(
    name="maml",
    title="LEO against MAML",
    section="Comparison",
    columns={"MAML": "maml", "LEO": "leo"},
    rows=[
        TableRow(
            aspect="Performance",
            quantity="accuracy",
            said={"MAML": "good", "LEO": "excellent"},
            claims={"MAML": "lead", "LEO": "lead"},
        ),
        TableRow(
            aspect="Memory",
            quantity="peak_memory_mb",
            said={"LEO": "low"},
            variants={"MAML": "good"},
            by_construction=["LEO"],
        ),
    ],
)


def test_the_page_has_every_claim_and_each_cell_of_the_documents_table(tmp_path: Path) -> None:
    lead = Part(kind="difference", variant="leo", against="maml", above="margin")
    never = Claim(section="S", words="a | statement", not_measurable="There is no GPU.")
    ruled = claim(lead, rule="Holds if better.", written="before")
    folder = write_claims(tmp_path, {"lead": ruled, "never": never}, SOURCES, [TABLE], done=["leo", "good"])
    other_study(tmp_path / "official")
    page = write_report(folder, tmp_path / "reports" / "claims-cpu")
    html, text = page.read_text(), page.with_suffix(".md").read_text()
    assert '<td class="text worse"><span>does not hold</span></td>' in html
    assert '<a href="../official/compare-cpu/report.md">compare-cpu</a>' in html
    assert '<li class="unsure">1 not measurable here</li>' in html
    assert "| a statement | does not hold | -5.0 " in text and r"a \| statement" in text
    (row,) = [line for line in text.splitlines() if line.startswith("| Performance")]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[2] == "good" and cells[3].startswith("85.0% [") and cells[4] == "does not hold"
    assert cells[5] == "excellent" and cells[6].startswith("80.0% [") and cells[7] == "does not hold"
    (row,) = [line for line in text.splitlines() if line.startswith("| Memory")]
    assert [cell.strip() for cell in row.strip("|").split("|")][2:5] == ["-", "700 MB [700, 700] (good)", "-"]
    assert row.strip("| ").endswith("by construction")
    (row,) = [line for line in text.splitlines() if line.startswith("| compare-cpu")]
    assert "float32" in row and NUMERICS in row, "provenance of the runs of another study"
    numbers = pd.read_csv(page.parent / "tables" / "numbers.csv").set_index("claim")
    assert numbers.loc["lead", "studies"] == "claims-cpu compare-cpu" and numbers.loc["lead", "precision"].startswith(
        "float32"
    )
    assert "1 of 1 rules were written before results" in text and re.search(r"\| before +\|", text)
    assert re.search(r"^\| missing +\| bad +\|", text, re.MULTILINE)
    assert "claim,kind,quantity" in (page.parent / "tables" / "numbers.csv").read_text()


def test_a_published_page_links_published_pages_beside_it(tmp_path: Path) -> None:
    lead = Part(kind="difference", variant="leo", against="maml", above="margin")
    folder = write_claims(tmp_path / "official", {"lead": claim(lead)}, SOURCES)
    other_study(tmp_path / "official")
    page = write_report(folder, tmp_path / "reports" / "official" / "claims-cpu")
    assert '<a href="../compare-cpu/report.html#main">' in page.read_text()


def test_a_claim_links_the_figure_of_what_it_measures(tmp_path: Path) -> None:
    """The switch with most of the claim's variants, the costs for a cost, none for a count, else the own report."""
    other = make_plan(
        {"base": {}, "small": {"latent_dim": 16}, "none": {"relation": "none"}}, [0], study="compare"
    ).model_copy(update={"switches": {"latent_dim": ["small", "base"], "relation": ["base", "none"]}})
    for run in other.runs:
        write_run(tmp_path / "official", other, run, lambda _, *place: counts("leo", *place))
    write_study(tmp_path / "official", other)
    sources = {name: Source(study="compare", variant=name, label=name) for name in ("base", "small", "none")}
    lead = Part(kind="difference", variant="none", against="base", above=0.0)
    claims = {
        "small": claim(lead.model_copy(update={"variant": "small"})),
        "none": claim(lead),
        "cost": claim(Part(kind="ratio", quantity="core_seconds", variant="none", against="base", below=1.0)),
        "count": claim(Part(kind="count", quantity="n_adapted", variant="base", equals=5)),
        "own": claim(more("good")),
    }
    folder = write_claims(tmp_path / "official", claims, sources)
    evidence = Evidence(load_study_data(folder))
    rows = {row["name"]: row for row in claim_rows(evidence, judge_claims(evidence))}
    assert {name: row["figure"] for name, row in rows.items()} == {
        "small": "switch-latent_dim.png",
        "none": "switch-relation.png",
        "cost": "cost.png",
        "count": "",
        "own": "",
    }
    assert rows["none"]["anchor"] == "switch-relation"
    lines = dict(zip(rows, claims_markdown(list(rows.values()), "../", "claims-cpu").splitlines()[2:], strict=True))
    assert (
        "[compare-cpu](../compare-cpu/report.md), [figure](../compare-cpu/figures/switch-relation.png)" in lines["none"]
    )
    numbers = "[numbers](../claims-cpu/figures/numbers-s.png)"
    assert lines["own"].endswith(f"| [claims-cpu](../claims-cpu/report.md), {numbers} |")
    assert rows["count"]["numbers"] == "" and "numbers-s.png" not in lines["count"]
    assert claims_markdown([rows["own"]], "../").endswith("| -, [numbers](figures/numbers-s.png) |")
    drawn = [{**rows["own"], "picture": "directions.png"}]
    assert claims_markdown(drawn, "../", "claims-cpu").endswith(f"report.md), {numbers}, [figure](directions.png) |")
    assert "directions.png" not in claims_markdown(drawn, "../")  # other pages have no pictures beside them


def test_the_numbers_of_each_section_are_drawn_in_their_units_beside_what_the_rule_asks(tmp_path: Path) -> None:
    level = Part(kind="level", variant="good", above=0.95, below=0.98)
    ratio = Part(kind="ratio", quantity="train_seconds", variant="costly", against="leo", above=1.0)
    counted = Part(kind="count", quantity="n_adapted", variant="leo", equals=5)
    claims = {
        "level": claim(level, reading="as meant"),
        "lead": claim(more("good"), more("bad")),
        "cost": claim(ratio, section="LEO's Costs"),
        "count": claim(counted, section="Counts"),
    }
    folder = write_claims(tmp_path, claims)
    evidence = Evidence(load_study_data(folder))
    plots = claim_plots(evidence, judge_claims(evidence))
    assert [plot.name for plot in plots.values()] == ["numbers-s", "numbers-leos-costs"]
    panels = {panel.draw.keywords["xlabel"]: panel.draw for plot in plots.values() for panel in plot.panels}  # type: ignore[attr-defined]
    assert list(panels) == ["accuracy, %", "points of accuracy", "ratio (log scale)"]
    (one,) = panels["accuracy, %"].args[0].to_dict("records")
    assert one["label"] == "a statement (as meant)" and one["words"] == "90.0%"
    assert [one[name] for name in ("value", "above", "below")] == pytest.approx([90, 95, 98])
    points = panels["points of accuracy"].args[0]
    assert points["label"].tolist() == ["a statement: good minus leo", "a statement: bad minus leo"]
    assert points["value"].tolist() == pytest.approx([10, -20], abs=0.1) and set(points["below"].isna()) == {True}
    assert points["above"].tolist() == pytest.approx([0.5, 0.5])  # the margin, in points
    assert points["outcome"].tolist() == ["holds", "does not hold"]
    times = panels["ratio (log scale)"].args[0].iloc[0]
    assert times[["value", "above"]].tolist() == pytest.approx([2, 1]) and panels["ratio (log scale)"].keywords["log"]
    page = write_report(folder, tmp_path / "reports" / "claims-cpu")
    drawn = {path.name for path in (page.parent / "figures").glob("*.png")}
    assert drawn == {"numbers-s.png", "numbers-leos-costs.png"}
    links = set(re.findall(r"\(figures/(.*?)\)", page.with_suffix(".md").read_text()))
    assert links == drawn
    anchors = re.findall(r'href="#(figure-.*?)"', page.read_text())
    assert len(anchors) > 3 and all(f'id="{anchor}"' in page.read_text() for anchor in anchors)


def test_each_section_has_a_figure_of_its_own_name(tmp_path: Path) -> None:
    sections = ["Costs: time", "Costs time", "W" * 300, "W" * 300 + "!", "Costs, time"]
    claims = {f"c{number}": claim(more("good"), section=section) for number, section in enumerate(sections)}
    folder = write_claims(tmp_path, claims)
    evidence = Evidence(load_study_data(folder))
    judgements = judge_claims(evidence)
    names = [plot.name for plot in claim_plots(evidence, judgements).values()]
    assert len(set(names)) == len(sections) and max(map(len, names)) < 100
    assert [row["numbers"] for row in claim_rows(evidence, judgements)] == names
    page = write_report(folder, tmp_path / "reports" / "claims-cpu")
    assert {path.stem for path in (page.parent / "figures").glob("*.png")} == set(names)


def test_levels_and_differences_of_a_quantity_have_panels_of_their_own(tmp_path: Path) -> None:
    level = Part(kind="level", quantity="train_seconds", variant="costly", above=1.0)
    parts = (level, level.model_copy(update={"kind": "difference", "against": "leo", "above": 0.0}))
    evidence = Evidence(load_study_data(write_claims(tmp_path, {"time": claim(*parts)})))
    (plot,) = claim_plots(evidence, judge_claims(evidence)).values()
    drawn = {panel.draw.keywords["xlabel"]: panel.draw.keywords["same"] for panel in plot.panels}  # type: ignore[attr-defined]
    assert drawn == {"training time, s": None, "training time, s: difference": 0.0}


def test_the_pictures_of_our_claims_are_there() -> None:
    root = Path(__file__).parents[3]
    claims = read_study(root / "studies", "claims").claims
    pictures = {claim.picture for claim in claims.values()} - {""}
    assert pictures == {"directions.png", "directions_leo.png"}
    assert all((root / "docs" / name).is_file() for name in pictures)


def test_the_verdicts_on_each_section_of_the_document(tmp_path: Path) -> None:
    sections = {"good": "LEO's Parts", "wild": "Issue: Noise", "bad": "LEO's Parts"}
    claims = {name: claim(more(name), reading=name, section=section) for name, section in sections.items()}
    evidence = Evidence(load_study_data(write_claims(tmp_path, claims)))
    assert counts_markdown(claim_rows(evidence, judge_claims(evidence))).splitlines() == [
        "| section of the document | holds | does not hold | inconclusive |",
        "|---|---:|---:|---:|",
        "| [LEO's Parts](#leos-parts) | 1 | 1 | - |",
        "| [Issue: Noise](#issue-noise) | - | - | 1 |",
        "| all | 1 | 1 | 1 |",
    ]


def test_the_docs_page_keeps_what_is_written_by_hand(tmp_path: Path) -> None:
    page = tmp_path / "docs" / "claims.md"
    assert write_claims_docs(tmp_path, page) is None
    write_claims(tmp_path / "official", {"true": claim(more("good"))}, tables=[TABLE.model_copy(update={"rows": []})])
    write_claims_docs(tmp_path, page)
    text = page.read_text()
    assert "| a statement | holds | +10.0 [" in text and "../reports/official/claims-cpu/report.md" in text
    mine = "What was found.\n\nA second paragraph.\n"
    page.write_text(text.replace("".join(TEXT), TEXT[0] + mine + TEXT[1]).replace("| holds |", "| typed |"))
    write_claims_docs(tmp_path, page)
    assert page.read_text() == text.replace("".join(TEXT), TEXT[0] + mine + TEXT[1])


def test_the_docs_page_opens_with_the_statements_that_are_marked(tmp_path: Path) -> None:
    claims = {
        "written": claim(more("bad"), words="better", reading="as written, 28x28"),
        "meant": claim(more("good"), words="better", reading="as meant", opens=True),
        "searched": claim(more("wild"), words="better", reading="as meant, searched"),
        "other": claim(more("good"), words="another", reading="as meant"),
    }
    folder = write_claims(tmp_path / "official", claims)
    evidence, judged_claims = judged(folder)
    rows = claim_rows(evidence, list(judged_claims.values()))
    lines = opening_markdown(list(judged_claims.values()), rows, "../reports/official/", "claims-cpu").splitlines()
    assert lines[0] == "| the document says | as written | as meant | at its best | the paper's LEO |"
    assert len(lines) == 3 and lines[2].startswith("| better | [does not hold](") and lines[2].endswith(" | - | - |")
    assert "[holds](../reports/official/claims-cpu/figures/numbers-" in lines[2] and ": +10.0 [" in lines[2]
    write_claims_docs(tmp_path, page := tmp_path / "docs" / "claims.md")
    text = page.read_text()
    assert text.index(lines[2]) < text.index(TEXT[0])
    assert opening_markdown([judged_claims["other"]], rows, "", "") == ""


def test_the_page_of_findings_leaves_claims_to_their_own(tmp_path: Path) -> None:
    folder = write_claims(tmp_path / "official", {"true": claim(more("good"))})
    question = load_study_data(folder).plan.question
    assert question not in write_findings(tmp_path, tmp_path / "findings.md").read_text()
    plan = load_study_data(folder).plan.model_copy(update={"claims": None})
    write_record(folder / "study.json", plan)
    assert question in write_findings(tmp_path, tmp_path / "findings.md").read_text()


def test_the_committed_page_is_that_of_the_published_results(tmp_path: Path) -> None:
    root = Path(__file__).parents[3]
    committed, page = root / "docs" / "claims.md", tmp_path / "claims.md"
    if not committed.exists():
        pytest.skip("no claims are published")
    shutil.copy(committed, page)  # its own text is kept
    write_claims_docs(root / "results", page)
    assert page.read_text() == committed.read_text(), "make report writes docs/claims.md again"


def test_the_table_of_numbers_has_ratios_as_they_are(tmp_path: Path) -> None:
    """The costly variant of the fixture takes twice as long, at each seed."""
    ratio = Part(kind="ratio", quantity="train_seconds", variant="costly", against="leo", above=1.5)
    evidence, found = judged(write_claims(tmp_path, {"cost": claim(ratio), "lead": claim(more("good"))}))
    rows = numbers_table(evidence, list(found.values())).numbers.set_index("claim")
    values = rows.loc["cost", ["value", "low", "high", "above"]].to_list()
    assert values == pytest.approx([2.0, 2.0, 2.0, 1.5]) and np.isnan(rows.loc["cost", "below"])
    assert rows.loc["lead", "value"] == pytest.approx(found["lead"].parts[0].number.value)  # type: ignore[union-attr]
