"""Publishing: copies of done runs from the local store to results/official/, which is committed, and back."""

import shutil
import sys
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

from leo_bench.config import training_settings
from leo_bench.errors import LeoBenchError
from leo_bench.records import (
    LOCK,
    MEASURES,
    RUN_KEY,
    RUNS,
    TESTS,
    AttemptStatus,
    Plan,
    PlannedRun,
    Result,
    RunState,
    StudyView,
    TestResult,
    attempts_of,
    complete_tests,
    copy_settings,
    copy_test,
    folder_name,
    load_study,
    make_folder,
    publish_test,
    read_json,
    read_measures,
    read_record,
    read_test,
    read_test_record,
    run_state,
    without_paths,
    write_atomic,
    write_record,
    write_tables,
)
from leo_bench.records.arrays import EPISODES
from leo_bench.records.claims import Claims, Part
from leo_bench.records.files import as_text
from leo_bench.records.search import Trials, read_search, trial_runs
from leo_bench.running.attempts import set_aside, set_aside_test
from leo_bench.running.numerics import numerics_digest
from leo_bench.running.plan import merge_plan
from leo_bench.running.shared_runs import refuse_to_change_others

CopyTest = Callable[[Path, Path, TestResult], None]
"""Function that copies a test of the run in one folder to another: into the store, or into the published results."""


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
    if (target / "study.json").exists():
        plan = _with_published(load_study(target), view, plan, made, replace)
    shutil.rmtree(target / RUNS, ignore_errors=True)  # an older version kept the runs of a study there
    for run in view.done:
        place = official / RUNS / run.planned.run_key
        _copy_run(run, place, publish_test)
        for attempt in attempts_of(place):  # it failed when it was published before
            shutil.rmtree(attempt)
    for run in view.runs:
        _copy_failure(run, official / RUNS / run.planned.run_key, results)
    write_record(target / "study.json", plan)  # last, so that a call that was stopped counts no look
    write_tables(load_study(target))
    _remove_unused(official)
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
    published: StudyView, view: StudyView, plan: Plan, made: Mapping[tuple[str, str], str], replace: bool
) -> Plan:
    """Return the plan to publish together with the runs published before that stay, and print those that do not.

    made: as _digests_of. replace: also drop the variants that the plan here lacks. Raises LeoBenchError if fewer runs
    would remain than are published, unless replace is True.
    """
    target = published.folder
    trained = {run.variant: _training_of(run) for run in plan.runs}
    still = [
        run
        for run in published.runs
        if run.status in ("done", "failed")
        and _still_counts(run, target, made)
        and trained.get(run.planned.variant, _training_of(run.planned)) == _training_of(run.planned)
    ]
    left = published.plan.labels.keys() - plan.labels.keys() if replace else set()
    staying = {(run.planned.variant, run.planned.run_key) for run in still if run.planned.variant not in left}
    n_looks = max(plan.n_looks, published.plan.n_looks + _is_another_look(published, view))
    merged = merge_plan(published.plan, plan.model_copy(update={"n_looks": n_looks}), staying)
    remaining = {(run.planned.variant, run.planned.run_key) for run in (*still, *view.done) if run.status == "done"}
    n_left = sum((run.variant, run.run_key) in remaining for run in merged.runs)
    if n_left < len(published.done) and not replace:
        raise LeoBenchError(
            f"{target} has {len(published.done)} done runs, but only {n_left} would remain; "
            "do the other runs too before you publish, or drop them with --replace"
        )
    for run in _dropped(published, merged, remaining):
        if run.planned.variant in left:
            why = "the plan here lacks this variant"
        elif _still_counts(run, target, made):
            why = "the plan has other settings now"
        else:
            why = "other source made it"
        print(f"dropped: {run.planned.variant} seed {run.planned.seed} ({run.planned.run_key}): {why}")
    return merged


def published_ends(folder: Path) -> dict[tuple[str, str], str]:
    """Return StudyView.ended of a published study; empty if the study is not there."""
    return load_study(folder).ended if (folder / "study.json").exists() else {}


def n_looks(folder: Path) -> int:
    """Return how often the verdicts of a published study have been looked at; 0 if it is not there, or a search."""
    return read_record(folder / "study.json", Plan).n_looks if (folder / "study.json").exists() else 0


def count_look(folder: Path, profile: str, changed: Mapping[str, Collection[str]]) -> None:
    """Count one more look at a published study if it judges claims on variants that have new runs, done or diverged.

    profile: that of the studies with new runs. changed: study -> its variants with new runs. A search judges no claims.
    """
    if not (folder / "study.json").exists():
        return
    plan = read_record(folder / "study.json", Plan)
    if plan.claims is None or plan.profile != profile:
        return
    if any(source.variant in changed.get(source.study, ()) for source in plan.claims.sources.values()):
        write_record(folder / "study.json", plan.model_copy(update={"n_looks": plan.n_looks + 1}))


def _copy_failure(run: RunState, target: Path, results: Path) -> None:
    """Copy how the last attempt of a failed run ended, so that the published study shows it; not over a done run."""
    if run.status != "failed" or (target / "result.json").exists():
        return
    attempt = attempts_of(run.folder)[-1]
    ended = read_record(attempt / "status.json", AttemptStatus)
    message = without_paths(ended.message, results)
    write_record(target / attempt.name / "status.json", ended.model_copy(update={"message": message}))


def _is_another_look(published: StudyView, view: StudyView) -> bool:
    """Return True if what is published was judged and will be judged anew: a variant with several seeds gets more, or
    other weights; or a study that judges claims gets any run, done or diverged, or other statements."""
    if view.plan.claims is not None:
        ends = {run: weights for run, weights in view.ended.items() if weights or not published.ended.get(run)}
        return bool(ends.items() - published.ended.items()) or _statements(view.plan.claims) != _statements(
            published.plan.claims
        )
    before, more = published.ended, view.ended.items() - published.ended.items()
    n_seeds = Counter(variant for (variant, _), weights in before.items() if weights)
    return any(n_seeds[variant] > 1 for (variant, _), weights in more if weights)


def _statements(claims: Claims | None) -> tuple[dict[str, list[Part]], dict[str, tuple[str, str, str]]]:
    """Return claim -> its statements about numbers, and name -> variant elsewhere, both without words."""
    if claims is None:
        return {}, {}
    sources = {name: (source.study, source.variant, source.training) for name, source in claims.sources.items()}
    return {name: claim.parts for name, claim in claims.claims.items()}, sources


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


def _remove_unused(official: Path) -> None:
    """Remove published runs that no published study or search names, and arrays that no test of theirs shares.

    None is removed if one of these cannot be read, since its runs are not known then. What has no run key as its name
    is none of ours and stays.
    """
    try:
        used = {run.run_key for folder in official.glob("*/study.json") for run in read_record(folder, Plan).runs}
        for folder in official.glob("*/trials.json"):
            used |= {trial.run_key for trial in read_record(folder, Trials).trials if trial.run_key}
    except LeoBenchError as error:
        print(f"runs that nothing names any more are kept: {error}", file=sys.stderr)
        return
    for run in (official / RUNS).glob("*"):
        if RUN_KEY.fullmatch(run.name) and run.name not in used:
            shutil.rmtree(run)
    with suppress(LeoBenchError):  # a damaged record may name any episodes
        tests = (official / RUNS).glob(f"*/{TESTS}/*/result.json")
        shared = {read_test_record(path).episodes_digest for path in tests}
        for path in (official / EPISODES).glob("*.npz"):
            if path.stem not in shared:
                path.unlink()


def _copy_run(run: RunState, target: Path, copy: CopyTest) -> None:
    """Copy a done run with its tests and measures, its own record last; in place of a record that differs also first,
    since published tests leave out what it has.

    Logs and Sacred's files are not copied, because they hold paths.
    """
    assert run.result is not None
    record, place = as_text(read_json(run.folder / "result.json")), target / "result.json"
    copy_settings(run.folder, target)
    if place.exists() and place.read_bytes() != record:
        complete_tests(target)  # other studies may have tests of this run
        write_atomic(place, record)  # before tests that leave out what it has
    for test in run.tests:
        copy(run.folder, target, test)
    _copy_measures(run.folder, target, run.result)
    write_atomic(place, record)


def _copy_measures(run: Path, target: Path, trained: Result) -> None:
    """Copy the measures of a run, if it has any. Measures of other weights are removed from the target.

    Raises LeoBenchError if the measures of the run are damaged.
    """
    if read_measures(run, trained) is not None:
        write_atomic(target / MEASURES, (run / MEASURES).read_bytes())
    elif (target / MEASURES).exists() and not _measures_fit(target, trained):
        (target / MEASURES).unlink()


def _measures_fit(folder: Path, trained: Result) -> bool:
    """Return True if the measures in folder are readable and of these weights."""
    try:
        return read_measures(folder, trained) is not None
    except LeoBenchError:
        return False


def publish_search(results: Path, name: str, profile: str, partial: bool, replace: bool = False) -> Path:
    """Copy a search, its analysis and the runs of its trials to results/official/. Returns its folder there.

    The database is not copied, because it can be rebuilt from these files. Raises LeoBenchError if the search is not
    finished, unless partial is True, or if other source made its records. Raises it too if fewer trials would be
    published than before, or if another published study or search would become stale, unless replace is True.
    """
    folder = results / folder_name(name, profile, "search")
    plan, trials = read_search(folder)
    ended = sum(trial.counts for trial in trials.trials)
    finished = ended >= plan.n_trials and (folder / "best.json").exists()
    if not ended or not (finished or partial):
        raise LeoBenchError(
            f"search {folder.name} is not finished ({ended} of {plan.n_trials} trials have ended); "
            "finish it, or publish the ended trials with --partial"
        )
    runs = trial_runs(folder)
    others = [run for run in runs.values() if run.status != "done"]
    if others:
        raise LeoBenchError(f"{others[0].planned.variant} is {others[0].status}: {others[0].message}")
    target = results / "official" / folder.name
    if not replace:
        refuse_to_change_others(results / "official", folder.name, list(runs.values()))
        _refuse_fewer_trials(target, ended)
    shutil.rmtree(target / RUNS, ignore_errors=True)
    shown = [trial.model_copy(update={"message": without_paths(trial.message, results)}) for trial in trials.trials]
    write_record(target / "trials.json", trials.model_copy(update={"trials": shown}))
    if not finished:
        (target / "best.json").unlink(missing_ok=True)  # that of other trials
    for file in ("search.json", *(["best.json"] if finished else [])):
        write_atomic(target / file, (folder / file).read_bytes())
    shutil.rmtree(target / "analysis", ignore_errors=True)
    for table in sorted((folder / "analysis").glob("*.csv")):
        write_atomic(
            target / "analysis" / table.name, without_paths(table.read_text(encoding="utf-8"), results).encode()
        )
    for trial in trials.trials:
        if trial.run_key and trial.state in ("complete", "pruned"):
            found = runs.get(trial.number)
            goal = target.parent / RUNS / trial.run_key
            if found is not None:
                _copy_run(found, goal, publish_test)
            else:
                _publish_pruned(results / RUNS / trial.run_key, goal)
    _remove_unused(target.parent)
    return target


def _refuse_fewer_trials(target: Path, n_ended: int) -> None:
    """Raise LeoBenchError if a published search has more trials that have ended."""
    if (target / "trials.json").exists():
        before = sum(trial.counts for trial in read_record(target / "trials.json", Trials).trials)
        if n_ended < before:
            raise LeoBenchError(
                f"{target} has {before} ended trials, but only {n_ended} would remain; do the other trials too before "
                "you publish, or drop them with --replace"
            )


def _publish_pruned(run: Path, target: Path) -> None:
    """Copy the settings and the learning curve of a pruned trial, unless the run is published as done."""
    if (target / "result.json").exists():
        return
    copy_settings(run, target)
    for attempt in attempts_of(run):
        if (attempt / "pruned.json").exists():
            write_atomic(target / "pruned.json", (attempt / "pruned.json").read_bytes())


def take_published(results: Path, plan: Plan) -> int:
    """Copy published runs of the plan that this source made into the store, so that they count as done.

    Returns the number of runs copied, in whole or in part. Their records name the machine that made them. A run that is
    trained here with other weights is left as it is. A done run gets the published measures of its weights.
    """
    taken = 0
    for run in plan.runs:
        here, published = results / RUNS / run.run_key, results / "official" / RUNS / run.run_key
        own = run_state(run, here)
        if own.status == "done" and not _lacks_measures(own, published):
            continue
        found = run_state(run, published)
        taken += found.status == "done" and _copy(found, here)
    return taken


def _lacks_measures(own: RunState, published: Path) -> bool:
    """Return True if a trained run has no measures of its weights, and the run in the folder published has them."""
    assert own.result is not None
    return not _measures_fit(own.folder, own.result) and _measures_fit(published, own.result)


def _copy(published: RunState, here: Path) -> bool:
    """Copy a published run into the store. Returns False if it is left alone.

    If the run is trained here, only tests that it lacks or that are damaged are copied, and only if the published
    weights are the same. Otherwise, or if another process is doing the run, it is left alone. A run that is left alone
    for its weights is printed.
    """
    assert published.result is not None
    make_folder(here)
    try:
        with FileLock(here / LOCK).acquire(timeout=2):
            local = run_state(published.planned, here)
            if local.must_retrain or (local.result is None and local.attempts):
                set_aside(here)  # a checkpoint may be left of a training that did not end
            elif local.result is not None and local.result.weights_digest != published.result.weights_digest:
                planned = published.planned
                print(
                    f"not taken: {planned.variant} seed {planned.seed} ({planned.run_key}) is trained here with other "
                    "weights than the published run; its missing tests are scored here"
                )
                return False
            elif local.result is not None:
                for test in published.tests:
                    if _lacks_test(here, test, local.result):
                        copy_test(published.folder, here, test)
                if not _measures_fit(here, local.result):
                    _copy_measures(published.folder, here, local.result)
                return True
            _copy_run(published, here, copy_test)
    except Timeout:
        return False
    return True


def _lacks_test(folder: Path, test: TestResult, trained: Result) -> bool:
    """Return True if a trained run lacks a test. A damaged test is set aside."""
    try:
        return read_test(folder, test.test_key, test.asked, trained) is None
    except LeoBenchError:
        set_aside_test(folder, test.test_key)
        return True
