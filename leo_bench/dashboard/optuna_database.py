"""A temporary Optuna database with the shown studies (content.py), updated in place.

Optuna does not change a trial that has finished, and the dashboard caches such trials. If the records of a finished
trial change, one of two things happens. A failed run that is done again gets a new trial, as Optuna's own retries do.
After any other change (a record was replaced, the plan has other parameters) the whole study is made anew.
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
from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.exceptions import ExperimentalWarning, UpdateFinishedTrialError
from optuna.samplers import RandomSampler
from optuna.storages import RDBStorage, get_storage
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState
from optuna_dashboard import save_note

from leo_bench.dashboard.content import ShownStudy, ShownTrial
from leo_bench.errors import LeoBenchError
from leo_bench.records.search import Value
from leo_bench.search.space import DIRECTIONS, distribution
from leo_bench.search.trial_states import OPTUNA_STATES

EMPTY = "(being made)"
"""Name of a study that exists for a moment."""


@dataclass
class _Stored:
    """A shown study as the database holds it."""

    shown: ShownStudy
    """Content of the database now, without the trials."""
    study: Study
    n_trials: int = 0
    trials: dict[str, tuple[int, int, ShownTrial]] = field(default_factory=dict)
    """Trial key -> Optuna's id and number of its latest trial, and what that trial shows."""
    artifacts: dict[Path, str] = field(default_factory=dict)
    """Figure -> its artifact id."""


class OptunaDatabase:
    """A SQLite database for Optuna, in a folder that the caller removes."""

    def __init__(self, folder: Path) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.database = folder / "optuna.db"
        self.backend = RDBStorage(f"sqlite:///{self.database}", engine_kwargs={"creator": self._connect})
        self.storage = get_storage(self.backend)  # caches finished trials, for the server and for updates
        (folder / "artifacts").mkdir()
        self.artifacts = FileSystemArtifactStore(folder / "artifacts")
        self.stored: dict[str, _Stored] = {}

    def _connect(self) -> sqlite3.Connection:
        """Connect without waiting for the disk: the database is temporary, and studies are written in a third of the
        time."""
        connection = sqlite3.connect(self.database, timeout=60, check_same_thread=False)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=OFF")
        return connection

    def close(self) -> None:
        self.backend.remove_session()
        self.backend.engine.dispose()

    def show(self, shown: ShownStudy) -> bool:
        """Bring a study in the database up to date. Returns True if anything changed.

        A study that was deleted in the dashboard stays deleted. Raises LeoBenchError if Optuna rejects a trial.
        """
        stored = self.stored.get(shown.name)
        if stored is None:
            self._make(shown)
            return True
        if not self._exists(stored):
            return False
        try:
            if _fits(stored, shown):
                return self._update(stored, shown)
        except UpdateFinishedTrialError:  # a trial was ended by hand in the dashboard
            pass
        self._make_anew(stored, shown)
        return True

    def _exists(self, stored: _Stored) -> bool:
        return any(study._study_id == stored.study._study_id for study in self.storage.get_all_studies())

    def _make(self, shown: ShownStudy) -> None:
        space = {parameter.name: distribution(parameter) for parameter in shown.space}
        trials = [(trial, _frozen(trial, space, shown.name)) for trial in shown.trials]
        study = optuna.create_study(
            storage=self.storage,
            study_name=shown.name,
            directions=[DIRECTIONS[objective] for objective in shown.objectives],
            sampler=RandomSampler(),
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            study.set_metric_names(list(shown.objectives))
        stored = _Stored(replace(shown, trials=[], attributes={}, note="", figures={}), study)
        self.stored[shown.name] = stored
        self._describe(stored, shown)
        for trial, frozen in trials:
            self._add(stored, trial, frozen)

    def _make_anew(self, stored: _Stored, shown: ShownStudy) -> None:
        # SQLite would give the new study the old one's id, and an open page would take old trials for new ones.
        placeholder = self.storage.create_new_study(stored.study.directions, EMPTY)
        self.storage.delete_study(stored.study._study_id)
        del self.stored[shown.name]
        self._make(shown)
        self.storage.delete_study(placeholder)

    def _update(self, stored: _Stored, shown: ShownStudy) -> bool:
        space = {parameter.name: distribution(parameter) for parameter in shown.space}
        changed = self._describe(stored, shown)
        for trial in shown.trials:
            if trial.key not in stored.trials:
                self._add(stored, trial, _frozen(trial, space, shown.name))
                changed = True
                continue
            trial_id, number, old = stored.trials[trial.key]
            if old == trial and old.note == trial.note:
                continue
            changed = True
            if _is_done_again(old, trial):
                again = replace(trial, attributes={**trial.attributes, "retry_of": number})
                self._add(stored, trial, _frozen(again, space, shown.name))
                continue
            if not OPTUNA_STATES[old.state].is_finished():
                self._change(trial_id, old, trial, _frozen(trial, space, shown.name))
            if trial.note != old.note:
                self._note(stored.study, trial.note, trial_id)
            stored.trials[trial.key] = (trial_id, number, trial)
        return changed

    def _add(self, stored: _Stored, trial: ShownTrial, frozen: FrozenTrial) -> None:
        trial_id = self.storage.create_new_trial(stored.study._study_id, frozen)
        stored.trials[trial.key] = (trial_id, stored.n_trials, trial)
        stored.n_trials += 1
        if trial.note:
            self._note(stored.study, trial.note, trial_id)

    def _change(self, trial_id: int, old: ShownTrial, new: ShownTrial, frozen: FrozenTrial) -> None:
        """Bring a trial that has not finished up to date. Its state comes last, since it may finish the trial."""
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
        if old.state == "waiting" and OPTUNA_STATES[new.state].is_finished():
            self.storage.set_trial_state_values(trial_id, TrialState.RUNNING)  # which records the start
        self.storage.set_trial_state_values(trial_id, OPTUNA_STATES[new.state], new.values)

    def _describe(self, stored: _Stored, shown: ShownStudy) -> bool:
        """Bring a study's attributes, note and figures up to date. Returns True if anything changed."""
        old = stored.shown
        for name, text in shown.attributes.items():
            if old.attributes.get(name) != text:
                stored.study.set_user_attr(name, text)
        if shown.note != old.note:
            self._note(stored.study, shown.note)
        for path, drawn in shown.figures.items():
            if old.figures.get(path) == drawn:
                continue
            try:
                if path in stored.artifacts:
                    with path.open("rb") as figure:
                        self.artifacts.write(stored.artifacts[path], figure)
                else:
                    stored.artifacts[path] = upload_artifact(
                        artifact_store=self.artifacts, file_path=str(path), study_or_trial=stored.study
                    )
            except FileNotFoundError:  # the report is being rebuilt
                continue
        stored.shown = replace(shown, trials=[])
        return (shown.attributes, shown.note, shown.figures) != (old.attributes, old.note, old.figures)

    def _note(self, study: Study, text: str, trial_id: int | None = None) -> None:
        target: Any = study
        if trial_id is not None:  # the three attributes that save_note reads of a trial
            target = SimpleNamespace(storage=self.storage, study=study, _trial_id=trial_id)
        save_note(target, text)


def _frozen(trial: ShownTrial, space: dict[str, BaseDistribution], name: str) -> FrozenTrial:
    """Return a trial as Optuna's type. Raises LeoBenchError if a value is outside its range."""
    state = OPTUNA_STATES[trial.state]
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
    """Return a value; the end of its range if it lies beyond it by a rounding error."""
    if isinstance(space, FloatDistribution):
        for end in (space.low, space.high):
            if math.isclose(float(value), end, rel_tol=1e-9):
                return end
    return value


def _is_done_again(old: ShownTrial, new: ShownTrial) -> bool:
    """Return True if a failed run has been started again."""
    return old.state == "failed" and (new.state != "failed" or new.attempt != old.attempt)


def _fits(stored: _Stored, shown: ShownStudy) -> bool:
    """Return True if the study in the database can be updated in place."""
    old = stored.shown
    if (old.objectives, old.space) != (shown.objectives, shown.space):
        return False
    new = {trial.key: trial for trial in shown.trials}
    for key, (_, _, trial) in stored.trials.items():
        if key not in new:
            return False
        if not OPTUNA_STATES[trial.state].is_finished() or new[key] == trial:
            continue
        if shown.numbered or trial.state != "failed":
            return False
    return True
