"""Boards (leo_bench/boards) -> a throw-away Optuna database, made once and kept up to date in place.

Optuna lets a finished trial be changed no more, and dashboards keep what they know of one. A finished trial that
changed all the same is answered so: a run that failed and is done again gets a new trial, as Optuna's own retries do;
anything else (a record was replaced, the plan has other parameters) makes the whole study anew.
"""

import math
import sqlite3
import warnings
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import optuna
from optuna.artifacts import FileSystemArtifactStore, upload_artifact
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.exceptions import ExperimentalWarning, UpdateFinishedTrialError
from optuna.samplers import RandomSampler
from optuna.storages import RDBStorage, get_storage
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState
from optuna_dashboard import save_note

from leo_bench.dashboard.shown import Board, ShownTrial
from leo_bench.errors import LeoBenchError
from leo_bench.records.search import Parameter, Value

DIRECTIONS = {"accuracy": StudyDirection.MAXIMIZE, "multiply_adds": StudyDirection.MINIMIZE}
STATES = {
    "waiting": TrialState.WAITING,
    "running": TrialState.RUNNING,
    "complete": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    "failed": TrialState.FAIL,
}


@dataclass
class _Mirrored:
    """A board's study in the database."""

    board: Board
    study: Study
    n_trials: int = 0
    trials: dict[str, tuple[int, int, ShownTrial]] = field(default_factory=dict)
    """A trial's key -> id and number of the trial that shows it last, and what it shows."""
    artifacts: dict[Path, str] = field(default_factory=dict)


class Mirror:
    """The database, in a folder that its user removes."""

    def __init__(self, folder: Path) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.database = folder / "optuna.db"
        self.backend = RDBStorage(f"sqlite:///{self.database}", engine_kwargs={"creator": self._connect})
        self.storage = get_storage(self.backend)  # with a cache of finished trials: one for all
        (folder / "artifacts").mkdir()
        self.artifacts = FileSystemArtifactStore(folder / "artifacts")
        self.known: dict[str, _Mirrored] = {}

    def _connect(self) -> sqlite3.Connection:
        """Nothing has to outlive the machine: without waiting for the disk a study is there in a third of the time."""
        connection = sqlite3.connect(self.database, timeout=60, check_same_thread=False)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=OFF")
        return connection

    def close(self) -> None:
        self.backend.remove_session()
        self.backend.engine.dispose()

    def show(self, board: Board) -> bool:
        """Bring a board's study up to date. Returns whether anything changed. One that was deleted in the dashboard
        stays so. Raises LeoBenchError where Optuna does not take what the board holds."""
        known = self.known.get(board.name)
        if known is None:
            self._make(board)
            return True
        if not self._exists(known):
            return False
        try:
            if _fits(known, board):
                return self._update(known, board)
        except UpdateFinishedTrialError:  # it was ended by hand in the dashboard
            pass
        self._make_anew(known, board)
        return True

    def _exists(self, known: _Mirrored) -> bool:
        return any(study._study_id == known.study._study_id for study in self.storage.get_all_studies())

    def _make(self, board: Board) -> None:
        space = {parameter.name: distribution(parameter) for parameter in board.space}
        trials = [(trial, _frozen(trial, space, board.name)) for trial in board.trials]
        study = optuna.create_study(
            storage=self.storage,
            study_name=board.name,
            directions=[DIRECTIONS[objective] for objective in board.objectives],
            sampler=RandomSampler(),
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            study.set_metric_names(list(board.objectives))
        known = _Mirrored(replace(board, trials=[], facts={}, note="", figures={}), study)
        self.known[board.name] = known
        self._describe(known, board)
        for trial, frozen in trials:
            self._add(known, trial, frozen)

    def _make_anew(self, known: _Mirrored, board: Board) -> None:
        # SQLite would give the new study the old one's id, and an open page would take old trials for new ones.
        placeholder = self.storage.create_new_study(known.study.directions, EMPTY)
        self.storage.delete_study(known.study._study_id)
        del self.known[board.name]
        self._make(board)
        self.storage.delete_study(placeholder)

    def _update(self, known: _Mirrored, board: Board) -> bool:
        space = {parameter.name: distribution(parameter) for parameter in board.space}
        changed = self._describe(known, board)
        for trial in board.trials:
            if trial.key not in known.trials:
                self._add(known, trial, _frozen(trial, space, board.name))
                changed = True
                continue
            trial_id, number, old = known.trials[trial.key]
            if old == trial and old.note == trial.note:
                continue
            changed = True
            if _is_done_again(old, trial):
                again = replace(trial, attributes={**trial.attributes, "retry_of": number})
                self._add(known, trial, _frozen(again, space, board.name))
                continue
            if not STATES[old.state].is_finished():
                self._change(trial_id, old, trial, _frozen(trial, space, board.name))
            if trial.note != old.note:
                self._note(known.study, trial.note, trial_id)
            known.trials[trial.key] = (trial_id, number, trial)
        return changed

    def _add(self, known: _Mirrored, trial: ShownTrial, frozen: FrozenTrial) -> None:
        trial_id = self.storage.create_new_trial(known.study._study_id, frozen)
        known.trials[trial.key] = (trial_id, known.n_trials, trial)
        known.n_trials += 1
        if trial.note:
            self._note(known.study, trial.note, trial_id)

    def _change(self, trial_id: int, old: ShownTrial, new: ShownTrial, frozen: FrozenTrial) -> None:
        """Bring a trial that has not finished up to date; its state last, since that may finish it."""
        for name in new.parameters.keys() - old.parameters.keys():
            space = frozen.distributions[name]
            self.storage.set_trial_param(trial_id, name, space.to_internal_repr(frozen.params[name]), space)
        for step, accuracy in sorted(set(new.curve) - set(old.curve)):
            self.storage.set_trial_intermediate_value(trial_id, step, accuracy)
        for name, value in new.attributes.items():
            if old.attributes.get(name) != value:
                self.storage.set_trial_user_attr(trial_id, name, value)
        if new.state == old.state:
            return
        if old.state == "waiting" and STATES[new.state].is_finished():
            self.storage.set_trial_state_values(trial_id, TrialState.RUNNING)  # which notes that it began
        self.storage.set_trial_state_values(trial_id, STATES[new.state], new.values)

    def _describe(self, known: _Mirrored, board: Board) -> bool:
        """The study's facts, note and figures. Returns whether anything changed."""
        old = known.board
        for name, fact in board.facts.items():
            if old.facts.get(name) != fact:
                known.study.set_user_attr(name, fact)
        if board.note != old.note:
            self._note(known.study, board.note)
        for path, drawn in board.figures.items():
            if old.figures.get(path) == drawn:
                continue
            try:
                if path in known.artifacts:
                    with path.open("rb") as figure:
                        self.artifacts.write(known.artifacts[path], figure)
                else:
                    known.artifacts[path] = upload_artifact(
                        artifact_store=self.artifacts, file_path=str(path), study_or_trial=known.study
                    )
            except FileNotFoundError:  # the report is just being made again
                continue
        known.board = replace(board, trials=[])
        return (board.facts, board.note, board.figures) != (old.facts, old.note, old.figures)

    def _note(self, study: Study, text: str, trial_id: int | None = None) -> None:
        shown: Any = study
        if trial_id is not None:  # what save_note asks of a trial
            shown = SimpleNamespace(storage=self.storage, study=study, _trial_id=trial_id)
        save_note(shown, text)


EMPTY = "(being made)"
"""Name of a study that is there for a moment."""


def distribution(parameter: Parameter) -> BaseDistribution:
    """Where a parameter's values come from, as Optuna has it."""
    if parameter.choices is not None:
        return CategoricalDistribution(parameter.choices)
    low, high = parameter.low or 0.0, parameter.high or 0.0
    if parameter.whole:
        return IntDistribution(int(low), int(high), log=parameter.log)
    return FloatDistribution(low, high, log=parameter.log)


def _frozen(trial: ShownTrial, space: dict[str, BaseDistribution], name: str) -> FrozenTrial:
    """A trial as Optuna has it. Raises LeoBenchError where a value is not in its range."""
    state = STATES[trial.state]
    try:
        frozen = optuna.create_trial(
            state=state,
            values=trial.values,
            params={name: _inside(value, space[name]) for name, value in trial.parameters.items()},
            distributions={name: space[name] for name in trial.parameters},
            intermediate_values=dict(trial.curve),
            user_attrs=dict(trial.attributes),
        )
    except ValueError as error:
        raise LeoBenchError(f"{name}: trial {trial.key}: {' '.join(str(error).split())}") from None
    if state != TrialState.WAITING:
        frozen.datetime_start = trial.started or trial.finished or datetime.now()
    if state.is_finished():
        frozen.datetime_complete = trial.finished or frozen.datetime_start
    return frozen


def _inside(value: Value, space: BaseDistribution) -> Value:
    """The value, at the end of its range where it lies beyond by no more than rounding."""
    if isinstance(space, FloatDistribution):
        for end in (space.low, space.high):
            if math.isclose(float(value), end, rel_tol=1e-9):
                return end
    return value


def _is_done_again(old: ShownTrial, new: ShownTrial) -> bool:
    """Whether a run that failed was begun once more."""
    return old.state == "failed" and (new.state != "failed" or new.attempt != old.attempt)


def _fits(known: _Mirrored, board: Board) -> bool:
    """Whether the study in the database can be brought to show the board."""
    old = known.board
    if (old.objectives, old.space) != (board.objectives, board.space):
        return False
    new = {trial.key: trial for trial in board.trials}
    for key, (_, _, trial) in known.trials.items():
        if key not in new:
            return False
        if not STATES[trial.state].is_finished() or new[key] == trial:
            continue
        if board.numbered or trial.state != "failed":
            return False
    return True
