"""A search as the dashboard shows it: the same trials with the same numbers."""

from collections import Counter
from pathlib import Path

from leo_bench.dashboard.content import Folders, ShownStudy, ShownTrial, run_note, shown_trial
from leo_bench.errors import LeoBenchError
from leo_bench.records import markdown_text, read_record
from leo_bench.records.search import SearchPlan, Trial, Trials


def shown_search(folder: Path, folders: Folders) -> ShownStudy:
    """Read a search. Raises LeoBenchError if its files are broken or do not fit together."""
    plan = read_record(folder / "search.json", SearchPlan)
    begun = (folder / "trials.json").exists()  # it is written after search.json
    trials = read_record(folder / "trials.json", Trials) if begun else Trials(sittings=[], trials=[])
    name = folders.name(folder)
    return ShownStudy(
        name=name,
        objectives=plan.objectives,
        space=plan.space,
        trials=[_search_trial(trial, number, plan, folder, folders) for number, trial in enumerate(trials.trials)],
        numbered=True,
        attributes={"question": plan.question, "trials": _states(plan, trials)},
        note=_search_note(plan, trials, name, folders),
        figures=folders.figures(name),
    )


def _search_trial(trial: Trial, number: int, plan: SearchPlan, folder: Path, folders: Folders) -> ShownTrial:
    where = f"{folder / 'trials.json'}: trial {trial.number}"
    if trial.number != number:
        raise LeoBenchError(f"{where} stands where trial {number} belongs")
    unknown = sorted(set(trial.parameters) - {parameter.name for parameter in plan.space})
    if unknown:
        raise LeoBenchError(f"{where}: {unknown[0]} is not in the space of search.json")
    if trial.state == "complete" and len(trial.values or []) != len(plan.objectives):
        raise LeoBenchError(f"{where}: {len(trial.values or [])} values for {len(plan.objectives)} objectives")
    complete = trial.state == "complete"
    return shown_trial(
        key=str(number),
        state=trial.state,
        parameters=trial.parameters,
        attributes={"run_key": trial.run_key, "message": trial.message or None, "retry_of": trial.retry_of},
        values=trial.values if complete else None,
        times=(trial.started, trial.finished),
        curve=trial.curve,
        note=run_note(trial.run_key, complete, trial.message, folders) if trial.run_key else "",
    )


def _states(plan: SearchPlan, trials: Trials) -> str:
    counts = Counter(trial.state for trial in trials.trials)
    states = ", ".join(f"{count} {state}" for state, count in counts.items())
    return f"{plan.n_trials} planned: {states or 'none yet'}"


def _search_note(plan: SearchPlan, trials: Trials, name: str, folders: Folders) -> str:
    command = f"leo-bench search {plan.search} --profile {plan.profile}{folders.option()}"
    return "\n\n".join(
        [
            f"**{markdown_text(plan.question)}**",
            f"Search `{plan.search}`, profile `{plan.profile}`. Trials: {_states(plan, trials)} ({trials.how}).",
            "Accuracy is measured on validation characters, to choose settings. The study beside this search measures "
            "the chosen settings on test.",
            folders.report_link(name),
            "To continue the search:",
            f"    {command}",
        ]
    )
