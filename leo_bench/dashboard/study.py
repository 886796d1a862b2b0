"""A study as the dashboard shows it: each planned run is a trial. Its parameters are the variant, the seed and the
settings in which variants differ."""

import json
import shlex
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from leo_bench.config import Settings, default_of
from leo_bench.dashboard.content import Folders, ShownStudy, ShownTrial, run_note, shown_trial, time_written
from leo_bench.errors import LeoBenchError
from leo_bench.records import (
    AttemptStatus,
    Plan,
    PlannedRun,
    RunState,
    StudyView,
    attempts_of,
    load_study,
    markdown_text,
    read_record,
    run_state,
)
from leo_bench.records.search import Parameter, TrialState, Value, search_of


class RunCache:
    """Reads runs as records.run_state does, and reads a run again only if its files have changed."""

    def __init__(self) -> None:
        self._known: dict[tuple[Path, str, bool], tuple[list[int], RunState]] = {}

    def __call__(self, planned: PlannedRun, folder: Path, accept_stale: bool = False) -> RunState:
        attempts = attempts_of(folder)
        files = [folder / "result.json", folder / "tests", *(path / "status.json" for path in attempts[-1:])]
        files += sorted(folder.glob("tests/*/*"))
        times = [len(attempts), *map(time_written, files)]
        asked = (folder, planned.model_dump_json(), accept_stale)  # studies may share a training and plan other tests
        known = self._known.get(asked)
        # a run that stops running does not change its files
        if known is not None and known[0] == times and known[1].status != "running":
            return known[1]
        state = run_state(planned, folder, accept_stale)
        self._known[asked] = (times, state)
        return state


def shown_study(folder: Path, folders: Folders, runs: RunCache) -> ShownStudy:
    """Read a study. Raises LeoBenchError if its plan is broken; a broken run is a failed trial."""
    view = load_study(folder, runs)
    planned = [run for run in view.runs if run.status != "duplicate"]
    names = ["variant", "seed", *varied_settings(view.plan)]
    parameters: list[dict[str, Value]] = [{name: label(_value(run.planned, name)) for name in names} for run in planned]
    name = folders.name(folder)
    return ShownStudy(
        name=name,
        objectives=["accuracy"],
        space=[Parameter(name=name, choices=_ordered(_value(run.planned, name) for run in planned)) for name in names],
        trials=[_study_trial(run, values, view.plan, folders) for run, values in zip(planned, parameters, strict=True)],
        numbered=False,
        attributes={"question": view.plan.question, "runs": _states(view)},
        note=_study_note(view, name, folders),
        figures=folders.figures(name),
    )


def varied_settings(plan: Plan) -> list[str]:
    """Return the settings in which a plan's runs differ, without the seed and without lists."""
    names = [name for name in Settings.model_fields if name != "seed"]
    values = {name: [_value(run, name) for run in plan.runs] for name in names}
    return [
        name
        for name in names
        if not any(isinstance(value, list | dict) for value in values[name]) and len(set(map(label, values[name]))) > 1
    ]


def _value(run: PlannedRun, name: str) -> Any:
    """Return a run's variant, seed or setting. A setting that is newer than the plan has its default."""
    if name in ("variant", "seed"):
        return getattr(run, name)
    return run.settings.get(name, default_of(name))


def label(value: Any) -> str:
    """Return a choice as text. In Python, true and 1 are equal and would become one choice."""
    return value if isinstance(value, str) else json.dumps(value)


def _ordered(values: Iterable[Any]) -> list[Value]:
    """Return the different values as labels: numbers by size, other values in the given order."""
    different = list({label(value): value for value in values}.values())
    if all(isinstance(value, int | float) for value in different):
        different.sort()
    return [label(value) for value in different]


STATES: dict[str, TrialState] = {"done": "complete", "missing": "waiting", "running": "running", "pruned": "pruned"}
"""Run status -> trial state; any other status counts as failed."""


def _study_trial(run: RunState, parameters: dict[str, Value], plan: Plan, folders: Folders) -> ShownTrial:
    state = STATES.get(run.status, "failed")
    attempt = _last_attempt(run) if run.result is None else None
    attributes: dict[str, Value | None] = {
        "run_key": run.planned.run_key,
        "label": plan.labels.get(run.planned.variant),
        "status": run.status,
        "message": run.message if state in ("failed", "pruned") else None,
        "episode": attempt.episode if attempt else None,
    }
    result = run.result if state == "complete" else None
    if result is not None:
        attributes |= {
            "accuracy_before": run.headline.accuracy_before,
            "accuracy_ci95": run.headline.accuracy_ci95,
            **{f"{test.asked.name} on {test.dataset}": test.accuracy for test in run.tests[1:]},
            "train_seconds": result.train_seconds,
            "n_parameters": result.n_parameters,
            "warnings": "; ".join(result.warnings) or None,
            "numerics": result.numerics,
            "commit": result.commit,
        }
    timed = run.result or attempt
    return shown_trial(
        key=f"{run.planned.variant} {run.planned.seed} {run.planned.run_key}",
        state=state,
        parameters=parameters,
        attributes=attributes,
        values=[run.headline.accuracy] if result else None,
        times=(timed.started, timed.finished) if timed else (None, None),
        curve=[(point.episode, point.accuracy) for point in result.validation] if result else [],
        attempt=run.attempts,
        note=run_note(run.planned.run_key, state == "complete", run.message, folders),
    )


def _last_attempt(run: RunState) -> AttemptStatus | None:
    """Return the status of the last attempt of a run; None if there is none or it is broken."""
    try:
        return read_record(attempts_of(run.folder)[-1] / "status.json", AttemptStatus)
    except (IndexError, LeoBenchError):
        return None


MOST_NAMED = 10
"""Most runs that a study's note names of those that are not done."""


def _states(view: StudyView) -> str:
    counts = Counter(run.status for run in view.runs)
    states = ", ".join(f"{count} {status}" for status, count in counts.items())
    return f"{len(view.runs)} planned: {states}"


def _command(view: StudyView, name: str, folders: Folders) -> str:
    """Return the command that does a study's missing runs: its own, or that of the search whose choices it measures."""
    search = search_of(view.folder)
    if search:
        return f"leo-bench search {search.search} --profile {search.profile}{folders.option()}"
    taken = " --use-published" if name.startswith("official/") else ""
    return f"leo-bench study {view.plan.study} --profile {view.plan.profile}{folders.option()}{taken}"


def _study_note(view: StudyView, name: str, folders: Folders) -> str:
    plan, waiting = view.plan, [run for run in view.runs if run.status != "done"]
    named = [
        "- " + markdown_text(f"{run.planned.variant} seed {run.planned.seed}: {run.status}: {run.message}".rstrip(": "))
        for run in waiting[:MOST_NAMED]
    ]
    more = [f"- and {len(waiting) - MOST_NAMED} more"] if len(waiting) > MOST_NAMED else []
    command = _command(view, name, folders)
    again = f"leo-bench reproduce {shlex.quote(str(view.folder))}{folders.option()}"
    return "\n\n".join(
        [
            f"**{markdown_text(plan.question)}**",
            f"Study `{plan.study}`, profile `{plan.profile}`. Runs: {_states(view)}.",
            *(["\n".join([*named, *more])] if named else []),
            "Accuracy is measured on the test episodes at the run's own ways, mixed alphabets, and the learning curve "
            "on validation characters. The report has the effect of each change, with its confidence interval over "
            "seeds; hyperparameter importances here do not show it.",
            folders.report_link(name),
            "To do the missing runs, and to do a done run again and compare bit for bit:",
            f"    {command}\n    {again}",
        ]
    )
