"""Finds the runs that claims name: those of the study itself, and those of the studies that variants are taken from."""

import re
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from leo_bench.config import training_key
from leo_bench.errors import LeoBenchError
from leo_bench.records import Plan, RunState, folder_name
from leo_bench.records.claims import Claims
from leo_bench.statistics.studies.pairs import VariantScores
from leo_bench.statistics.studies.study import StudyData

OWN_TEST = re.compile(r"(\d+)-way (mixed|within alphabet)")
"""Name of a test that a study compares its variants on; any other name is that of a test elsewhere."""


@dataclass(frozen=True)
class Place:
    """A variant of a study, with its runs."""

    data: StudyData
    variant: str

    @cached_property
    def runs(self) -> dict[int, RunState]:
        """Seed -> run that counts, in the order of the seeds."""
        own = {seed: run for (variant, seed), run in self.data.runs.items() if variant == self.variant}
        return dict(sorted(own.items()))

    @property
    def diverged(self) -> dict[int, bool]:
        """Seed -> whether its training diverged; without seeds whose training did not end."""
        return self.data.view.diverged(self.variant)

    def scores(self, test: str) -> VariantScores:
        """Return the scores on a test, named as in a claim."""
        own = OWN_TEST.fullmatch(test)
        place = (int(own[1]), own[2].replace(" ", "_")) if own else test
        return VariantScores(self.data, place, self.variant)


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

    def place(self, variant: str, ended: bool = False) -> Place | None:
        """Return where most seeds of a variant are done, or with ended, where the training of most has ended: here, or
        in the study that it is taken from, local before published; None if no training ended anywhere, or only on
        another data set or with other settings."""
        return self.data.remembered(("place", variant, ended), lambda: self._found(variant, ended))

    def _found(self, variant: str, ended: bool) -> Place | None:
        places = [Place(self.data, variant)]
        source = self.claims.sources.get(variant)
        if source:
            others = [Place(data, source.variant) for data in self._studies(source.study)]
            places += [place for place in others if place.diverged and _is_trained_so(place, source.training)]
        known = [place for place in places if place.diverged and self._same_data(place)]
        return max(known, key=lambda place: len(place.diverged if ended else place.runs), default=None)

    def _same_data(self, place: Place) -> bool:
        datasets = {run.settings["dataset"] for run in self.plan.runs}
        return place.data.settings[place.variant]["dataset"] in datasets

    def _studies(self, name: str) -> list[StudyData]:
        """Return a study at the same profile, as it is beside this one and as it is published."""
        root = self.data.view.folder.parent
        folders = [parent / folder_name(name, self.plan.profile) for parent in (root, root / "official")]
        return self.data.remembered(("study", name), lambda: list(filter(None, map(self._read, folders))))

    def _read(self, folder: Path) -> StudyData | None:
        """Return the results of a study; None if it is not there, or broken: then its own report names the fault."""
        with suppress(LeoBenchError):
            return self.data.studies.load(folder) if (folder / "study.json").exists() else None
        return None


def _is_trained_so(place: Place, training: str) -> bool:
    """Return True if a variant has the settings that its study file had when the claims were planned."""
    return not training or training_key(place.data.settings[place.variant]) == training
