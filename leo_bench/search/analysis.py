"""Tables of a search's trials, written to analysis/; the report draws from them. Importances and ranges are computed in
modules of their own."""

from pathlib import Path

import pandas as pd

from leo_bench.records import write_atomic
from leo_bench.records.search import SearchPlan, Trials
from leo_bench.search.complete import accuracy, complete
from leo_bench.search.importance import importance
from leo_bench.search.ranges import ranges
from leo_bench.statistics.pareto import pareto_front


def write_analysis(plan: SearchPlan, trials: Trials, folder: Path) -> None:
    """Write the tables of a search's folder, analysis/*.csv."""
    tables = {
        "trials": trial_table(plan, trials),
        "history": history(trials),
        "importance": importance(plan, trials),
        "ranges": ranges(plan, trials),
    }
    if len(plan.objectives) > 1:
        tables["pareto"] = pareto(trials)
    for name, frame in tables.items():
        write_atomic(folder / "analysis" / f"{name}.csv", frame.to_csv(index=False).encode())


def trial_table(plan: SearchPlan, trials: Trials) -> pd.DataFrame:
    """Return one row per trial."""
    names = [parameter.name for parameter in plan.space]
    rows = [
        {
            "number": trial.number,
            "state": trial.state,
            "run_key": trial.run_key,
            **dict(zip(plan.objectives, trial.values or [], strict=False)),
            "episodes": trial.curve[-1][0] if trial.curve else None,
            **{name: trial.parameters.get(name) for name in names},
            "started": trial.started,
            "finished": trial.finished,
            "retry_of": trial.retry_of,
            "message": trial.message,
        }
        for trial in trials.trials
    ]
    columns = ["number", "state", "run_key", *plan.objectives, "episodes", *names]
    frame = pd.DataFrame(rows, columns=[*columns, "started", "finished", "retry_of", "message"])
    return frame.astype({"episodes": "Int64", "retry_of": "Int64"})


def history(trials: Trials) -> pd.DataFrame:
    """Return the complete trials in order, with the best accuracy so far."""
    found = complete(trials)
    values = [accuracy(trial) for trial in found]
    frame = pd.DataFrame({"number": [trial.number for trial in found], "accuracy": values})
    return frame.assign(best=frame["accuracy"].cummax())


def pareto(trials: Trials) -> pd.DataFrame:
    """Return the complete trials of a search with two objectives. on_front: True on the Pareto front."""
    found = [(trial.number, *(trial.values or ())) for trial in complete(trials)]
    frame = pd.DataFrame(found, columns=["number", "accuracy", "multiply_adds"])
    front = pareto_front(frame["multiply_adds"].tolist(), frame["accuracy"].tolist())
    return frame.assign(on_front=frame.index.isin(front))
