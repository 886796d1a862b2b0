"""Checks of what must hold in the store of a study, whatever was killed and whenever."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from leo_bench.errors import LeoBenchError
from leo_bench.records import AttemptStatus, RunState, StudyView, attempts_of, load_study, read_record
from leo_bench.running.reproduce import MEASURED, differences

FREE = {*MEASURED, "adapt_ms", "status"}
"""Columns of runs.csv that may differ between two runs of the same settings."""


@dataclass
class Store:
    """Study under test, with the content of each record that was seen done."""

    folder: Path
    seen: dict[str, str] = field(default_factory=dict)
    """Run -> digest of its records when it was first seen done."""

    def faults(self) -> list[str]:
        """Return what is wrong now: a torn or corrupt record, a done run that is lost or done again, a run twice."""
        if not (self.folder / "study.json").exists():
            return []
        try:
            view = load_study(self.folder)
        except LeoBenchError as error:
            return [f"torn: {error}"]
        found = [
            f"{one.status}: {one.message}"
            for one in [*view.runs, *view.copies]
            if one.status in ("corrupt", "duplicate")
        ]
        done = {run.planned.run_key: run for run in view.done}
        found += [f"lost: run {key} was done" for key in self.seen if key not in done]
        for key, run in done.items():
            digest = digest_of(run)
            if self.seen.setdefault(key, digest) != digest:
                found.append(f"done again: run {key}")
        keys = list(view.headlines()["run_key"])
        return found + [f"counted twice: run {key}" for key in set(keys) if keys.count(key) > 1]

    def differences_from(self, undisturbed: StudyView) -> list[str]:
        """Return the differences between the study and the undisturbed one, and the runs that were done twice."""
        view, found = load_study(self.folder), []
        by_key = {run.planned.run_key: run for run in view.done}
        for run in undisturbed.done:
            own = by_key.get(run.planned.run_key)
            if own is None:
                found.append(f"not done: run {run.planned.run_key}")
                continue
            found += [f"run {run.planned.run_key}: {words}" for words in differences(run, own)]
            if times_done(own) != 1:
                found.append(f"run {run.planned.run_key} was done {times_done(own)} times")
        tables = [one.headlines().drop(columns=list(FREE), errors="ignore") for one in (undisturbed, view)]
        return found if tables[0].equals(tables[1]) else [*found, "the tables of runs differ"]


def digest_of(run: RunState) -> str:
    """Return SHA-256 over the records and counts of a done run."""
    paths = sorted([run.folder / "result.json", *run.folder.glob("tests/*/*")])
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths if path.suffix != ".tmp")).hexdigest()


def times_done(run: RunState) -> int:
    """Return how many attempts of a run ended as done, or were killed after its last record was written (then 1)."""
    ends = [read_record(path / "status.json", AttemptStatus) for path in attempts_of(run.folder)]
    return max(sum(end.status == "done" for end in ends), 1)
