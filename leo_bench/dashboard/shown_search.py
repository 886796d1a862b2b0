"""A search as the dashboard shows it: its trials as they are, with their numbers."""

from collections import Counter
from pathlib import Path

from leo_bench.dashboard.shown import Board, Place, ShownTrial, local_time, plain, run_note
from leo_bench.errors import LeoBenchError
from leo_bench.records import read_record
from leo_bench.records.search import SearchPlan, Trial, Trials


def search_board(folder: Path, place: Place) -> Board:
    """A search. Raises LeoBenchError where its files are broken or do not fit together."""
    plan = read_record(folder / "search.json", SearchPlan)
    there = (folder / "trials.json").exists()  # it is written after search.json
    trials = read_record(folder / "trials.json", Trials) if there else Trials(sittings=[], trials=[])
    name = place.name(folder)
    return Board(
        name=name,
        objectives=plan.objectives,
        space=plan.space,
        trials=[_search_trial(trial, number, plan, folder, place) for number, trial in enumerate(trials.trials)],
        numbered=True,
        facts={"question": plan.question, "trials": _states(plan, trials)},
        note=_search_note(plan, trials, name, place),
        figures=place.figures(name),
    )


def _search_trial(trial: Trial, number: int, plan: SearchPlan, folder: Path, place: Place) -> ShownTrial:
    where = f"{folder / 'trials.json'}: trial {trial.number}"
    if trial.number != number:
        raise LeoBenchError(f"{where} stands where trial {number} belongs")
    unknown = sorted(set(trial.parameters) - {parameter.name for parameter in plan.space})
    if unknown:
        raise LeoBenchError(f"{where}: {unknown[0]} is not in the space of search.json")
    if trial.state == "complete" and len(trial.values or []) != len(plan.objectives):
        raise LeoBenchError(f"{where}: {len(trial.values or [])} values for {len(plan.objectives)} objectives")
    known = {"run_key": trial.run_key, "message": trial.message or None, "retry_of": trial.retry_of}
    return ShownTrial(
        key=str(number),
        state=trial.state,
        parameters=trial.parameters,
        values=plain(trial.values) if trial.state == "complete" else None,
        curve=trial.curve,
        attributes={name: value for name, value in known.items() if value is not None},
        started=local_time(trial.started),
        finished=local_time(trial.finished),
        note=run_note(trial.run_key, trial.state == "complete", trial.message, place) if trial.run_key else "",
    )


def _states(plan: SearchPlan, trials: Trials) -> str:
    counts = Counter(trial.state for trial in trials.trials)
    states = ", ".join(f"{count} {state}" for state, count in counts.items())
    return f"{plan.n_trials} planned: {states or 'none yet'}"


def _search_note(plan: SearchPlan, trials: Trials, name: str, place: Place) -> str:
    command = f"leo-bench search {plan.search} --profile {plan.profile}{place.option()}"
    return "\n\n".join(
        [
            f"**{plan.question}**",
            f"Search `{plan.search}`, profile `{plan.profile}`. Trials: {_states(plan, trials)} ({trials.how}).",
            "Accuracy is on validation characters: it is for choosing. What was chosen is measured on test by the "
            "study beside this search.",
            place.report_words(name),
            "To go on, or to do what is missing:",
            f"    {command}",
        ]
    )
