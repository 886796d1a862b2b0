"""Publishing a study: a copy of its plan and its done runs in results/official/, which is committed.

A published study counts its looks (count_looks.py). A command that publishes calls `forget` when all are counted.
"""

import shutil
from collections.abc import Collection, Mapping
from pathlib import Path

from leo_bench.config import training_settings
from leo_bench.errors import LeoBenchError
from leo_bench.records import (
    RUNS,
    AttemptStatus,
    Plan,
    PlannedRun,
    RunState,
    StudyView,
    attempts_of,
    folder_name,
    load_study,
    publish_test,
    read_record,
    without_paths,
    write_record,
    write_tables,
)
from leo_bench.running.copy_run import copy_run
from leo_bench.running.count_looks import Published, is_another_look, keep, published
from leo_bench.running.numerics import numerics_digest
from leo_bench.running.plan import merge_plan
from leo_bench.running.shared_runs import refuse_to_change_others, remove_unused


def publish(results: Path, name: str, profile: str, partial: bool, replace: bool = False) -> Path:
    """Copy the plan and the done runs of a study to results/official/, and how others failed. Returns its folder there.

    It can be repeated as more runs are done. Runs published before stay, unless this source has another numerics digest
    for their learner or the plan now has other settings for their variant; with replace, those of variants
    that the plan here lacks go too. Each dropped run is printed. The published plan counts how often it has been judged
    (n_looks). Raises LeoBenchError if runs are missing, unless partial is True. Raises it too if fewer runs would be
    published than before, or if another published study or search would become stale, unless replace is True.
    """
    view = load_study(results / folder_name(name, profile))
    _refuse_incomplete(view, partial)
    made = _digests_of(view)
    official = results / "official"
    target = official / view.folder.name
    if not replace:
        refuse_to_change_others(official, target.name, view.done)
    runs = [run.model_copy(update={"numerics": made.get(_source_of(run), run.numerics)}) for run in view.plan.runs]
    plan = view.plan.model_copy(update={"runs": runs, "accept_stale": False})
    before = published(target)
    if (target / "study.json").exists():
        plan = _with_published(load_study(target), before, view, plan, made, replace)
        keep(target, before)
    shutil.rmtree(target / RUNS, ignore_errors=True)  # an older version kept the runs of a study there
    for run in view.done:
        place = official / RUNS / run.planned.run_key
        copy_run(run, place, publish_test)
        for attempt in attempts_of(place):  # it failed when it was published before
            shutil.rmtree(attempt)
    for run in view.runs:
        _copy_failure(run, official / RUNS / run.planned.run_key, results)
    write_record(target / "study.json", plan)  # last: until then it names no run that is not there
    write_tables(load_study(target))
    remove_unused(official)
    return target


def _refuse_incomplete(view: StudyView, partial: bool) -> None:
    """Raise LeoBenchError if a study has no done run, or if runs are missing, unless partial is True."""
    name, profile = view.plan.study, view.plan.profile
    if not view.done:
        raise LeoBenchError(
            f"study {name}-{profile} has no done run to publish; run it first: "
            f"leo-bench study {name} --profile {profile}"
        )
    waiting = [run for run in view.runs if run.status != "done" and not run.diverged]
    if waiting and not partial:
        first = waiting[0]
        raise LeoBenchError(
            f"{len(waiting)} of {len(view.runs)} runs are not done (first: {first.planned.variant} "
            f"seed {first.planned.seed}, {first.status}); "
            "finish the study, or publish the done runs with --partial"
        )
    if view.unplanned and not partial:
        variant, seed = view.unplanned[0]
        raise LeoBenchError(
            f"{len(view.unplanned)} of {len(view.runs) + len(view.unplanned)} runs of the profile were not asked for "
            f"(first: {variant} seed {seed}); run the whole study, or publish the done runs with --partial"
        )


def _digests_of(view: StudyView) -> dict[tuple[str, str], str]:
    """Return (learner, data set) -> numerics digest of the done runs and their tests. Raises LeoBenchError if one has
    several."""
    by_source: dict[tuple[str, str], set[str]] = {}
    for run in view.done:
        assert run.result is not None
        found = by_source.setdefault(_source_of(run.planned), set())
        found |= {run.result.numerics, *(test.numerics for test in run.tests)}
    for (learner, dataset), digests in by_source.items():
        if len(digests) > 1:
            raise LeoBenchError(
                f"runs of {learner} on {dataset} have {len(digests)} numerics digests ({', '.join(sorted(digests))}) "
                "and cannot be published as one study; run the study again without --accept-stale"
            )
    return {source: next(iter(digests)) for source, digests in by_source.items()}


def _with_published(
    there: StudyView,
    before: Published,
    view: StudyView,
    plan: Plan,
    made: Mapping[tuple[str, str], str],
    replace: bool,
) -> Plan:
    """Return the plan to publish together with the runs published before that stay, and print those that do not.

    there: the published study. before: what looks are counted from. made: as _digests_of. replace: also drop the
    variants that the plan here lacks. Raises LeoBenchError if fewer runs would remain than are published, unless
    replace is True.
    """
    target = there.folder
    trained = {run.variant: _training_of(run) for run in plan.runs}
    still = [
        run
        for run in there.runs
        if run.status in ("done", "failed")
        and _still_counts(run, target, made)
        and trained.get(run.planned.variant, _training_of(run.planned)) == _training_of(run.planned)
    ]
    left = there.plan.labels.keys() - plan.labels.keys() if replace else set()
    staying = {(run.planned.variant, run.planned.run_key) for run in still if run.planned.variant not in left}
    looked = before.n_looks + is_another_look(before, there.plan.claims, view)
    n_looks = max(plan.n_looks, there.plan.n_looks, looked)
    merged = merge_plan(there.plan, plan.model_copy(update={"n_looks": n_looks}), staying)
    remaining = {(run.planned.variant, run.planned.run_key) for run in (*still, *view.done) if run.status == "done"}
    n_left = sum((run.variant, run.run_key) in remaining for run in merged.runs)
    if n_left < len(there.done) and not replace:
        raise LeoBenchError(
            f"{target} has {len(there.done)} done runs, but only {n_left} would remain; "
            "do the other runs too before you publish, or drop them with --replace"
        )
    for run in _dropped(there, merged, remaining):
        if run.planned.variant in left:
            why = "the plan here lacks this variant"
        elif _still_counts(run, target, made):
            why = "the plan has other settings now"
        else:
            why = "other source made it"
        print(f"dropped: {run.planned.variant} seed {run.planned.seed} ({run.planned.run_key}): {why}")
    return merged


def _copy_failure(run: RunState, target: Path, results: Path) -> None:
    """Copy how the last attempt of a failed run ended, so that the published study shows it; not over a done run."""
    if run.status != "failed" or (target / "result.json").exists():
        return
    attempt = attempts_of(run.folder)[-1]
    ended = read_record(attempt / "status.json", AttemptStatus)
    message = without_paths(ended.message, results)
    write_record(target / attempt.name / "status.json", ended.model_copy(update={"message": message}))


def _training_of(run: PlannedRun) -> dict[str, object]:
    """Return the settings of the training of a run, which all seeds of a variant share."""
    return {**training_settings(run.settings), "seed": None}


def _source_of(run: PlannedRun) -> tuple[str, str]:
    """Return learner and data set, which have a numerics digest of their own."""
    return run.settings["learner"], run.settings["dataset"]


def _still_counts(run: RunState, target: Path, made: Mapping[tuple[str, str], str]) -> bool:
    """Return True if a published run of a study stays done.

    made: (learner, data set) -> numerics digest, for those that are published now. For others the digest is that of
    this source. Runs inside the folder of the study have an older schema and do not stay.
    """
    source = _source_of(run.planned)
    numerics = made.get(source) or numerics_digest(*source)
    return run.planned.numerics == numerics and run.folder.parent != target / RUNS


def _dropped(published: StudyView, plan: Plan, remaining: Collection[tuple[str, str]]) -> list[RunState]:
    """Return the published runs that have no run in place of them. remaining: variant and key of the runs that will be
    done."""
    names = {(run.variant, run.seed) for run in plan.runs if (run.variant, run.run_key) in remaining}
    return [run for run in published.done if (run.planned.variant, run.planned.seed) not in names]
