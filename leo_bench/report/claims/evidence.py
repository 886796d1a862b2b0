"""Finds the runs that claims name: those of the study itself, and those of the studies that variants are taken from."""

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from leo_bench.config import default_of
from leo_bench.errors import LeoBenchError
from leo_bench.records import Plan, RunState, folder_name, read_measures
from leo_bench.records.claims import MEASURE, SETTING, Claims
from leo_bench.report.study.data import Cell, StudyData, load_study_data
from leo_bench.report.study.pairs import VariantScores
from leo_bench.report.study.switches import training_effort

OWN_TEST = re.compile(r"(\d+)-way (mixed|within alphabet)")


@dataclass(frozen=True)
class Place:
    """A variant of a study, with its runs."""

    data: StudyData
    variant: str

    @property
    def runs(self) -> dict[int, RunState]:
        """Seed -> run that counts."""
        seeds = sorted(seed for name, seed in self.data.counted if name == self.variant)
        return {seed: self.data.run(self.variant, seed) for seed in seeds}

    def scores(self, test: str) -> VariantScores:
        """Return the scores on a test, named as in a claim."""
        return VariantScores(self.data, test_of(test), self.variant)


def test_of(name: str) -> Cell | str:
    """Return one of the tests that a study compares, or the name of one elsewhere."""
    own = OWN_TEST.fullmatch(name)
    return (int(own[1]), own[2].replace(" ", "_")) if own else name


test_of.__test__ = False  # type: ignore[attr-defined]  # not a test


@dataclass(frozen=True)
class Evidence:
    """Study that judges claims, and the studies that its variants are taken from."""

    data: StudyData

    @property
    def plan(self) -> Plan:
        return self.data.plan

    @property
    def claims(self) -> Claims:
        assert self.plan.claims is not None
        return self.plan.claims

    def label(self, variant: str) -> str:
        source = self.claims.sources.get(variant)
        return source.label if source else self.data.label(variant)

    def study(self, variant: str) -> str:
        """Return the study that runs a variant."""
        source = self.claims.sources.get(variant)
        return source.study if source else self.plan.study

    def place(self, variant: str) -> Place | None:
        """Return where most seeds of a variant are done: here, or in the study that it is taken from, local before
        published; None if none is done anywhere, or only on another data set."""
        return self.data.remembered(("place", variant), lambda: self._found(variant))

    def _found(self, variant: str) -> Place | None:
        places = [Place(self.data, variant)]
        source = self.claims.sources.get(variant)
        if source:
            places += [Place(data, source.variant) for data in self._studies(source.study)]
        done = [place for place in places if place.runs and self._same_data(place)]
        return max(done, key=lambda place: len(place.runs), default=None)

    def _same_data(self, place: Place) -> bool:
        datasets = {run.settings["dataset"] for run in self.plan.runs}
        return place.data.settings[place.variant]["dataset"] in datasets

    def _studies(self, name: str) -> list[StudyData]:
        """Return a study at the same profile, as it is beside this one and as it is published."""
        root = self.data.view.folder.parent
        folders = [parent / folder_name(name, self.plan.profile) for parent in (root, root / "official")]
        return self.data.remembered(("study", name), lambda: list(filter(None, map(_read, folders))))


def _read(folder: Path) -> StudyData | None:
    """Return the results of a study; None if it is not there, or broken: then its own report names the fault."""
    with suppress(LeoBenchError):
        return load_study_data(folder) if (folder / "study.json").exists() else None
    return None


def number_of(run: RunState, quantity: str) -> float | None:
    """Return a quantity of a run that does not depend on the test; None if it is not recorded."""
    result, settings = run.result, run.planned.settings
    assert result is not None
    if quantity.startswith(MEASURE):
        return measures_of(run).get(quantity.removeprefix(MEASURE))
    if quantity.startswith(SETTING):
        name = quantity.removeprefix(SETTING)
        return float(settings.get(name, default_of(name)))
    made: dict[str, Callable[[], float | None]] = {
        "adapt_ms": lambda: run.headline.adapt_ms,
        "core_seconds": lambda: core_seconds_of(run),
        "n_adapted": lambda: n_adapted(run),
        "own_share": lambda: result.n_generated / result.n_parameters,
    }
    return made[quantity]() if quantity in made else float(getattr(result, quantity))


def core_seconds_of(run: RunState) -> float | None:
    """Return the processor time of all updates of a run; None in old records, and without an update."""
    assert run.result is not None
    each, updates = run.result.update_seconds, training_effort(run.planned.settings)["n_updates"]
    return updates * each if each and updates else None


def n_adapted(run: RunState) -> int:
    """Return how many numbers the inner loop of a run changes for one episode."""
    assert run.result is not None
    settings = run.planned.settings
    if settings["learner"] != "leo":
        return run.result.n_generated if settings["inner_steps"] and settings["learner"] in ADAPTING else 0
    codes = settings["latent_dim"] * settings["n_way"] if settings["inner_steps"] else 0
    return int(codes + (run.result.n_generated if settings.get("finetune_steps") else 0))


ADAPTING = ("maml", "meta_sgd", "anil", "reptile")
"""Learners besides LEO whose inner loop changes the weights that an episode has of its own."""


def measures_of(run: RunState) -> dict[str, float]:
    """Return the measures of a trained model by name; empty if none are recorded, or the record is damaged."""
    assert run.result is not None
    with suppress(LeoBenchError):
        found = read_measures(run.folder, run.result)
        return {name: one.value for name, one in found.measures.items()} if found else {}
    return {}
