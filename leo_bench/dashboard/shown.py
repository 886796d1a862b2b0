"""What the dashboard shows of a search or a study: files in, values out. Optuna is not needed.

search.py and study.py read them.
"""

import shlex
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from leo_bench.records.search import Objective, Parameter, TrialState, Value


@dataclass(frozen=True)
class ShownTrial:
    """A trial as the dashboard has it."""

    key: str
    """What it shows: the same from reading to reading."""
    state: TrialState
    parameters: dict[str, Value]
    values: list[float] | None = None
    """One per objective, of a complete trial."""
    curve: list[tuple[int, float]] = field(default_factory=list)
    """(training episode, validation accuracy)."""
    attributes: dict[str, Value] = field(default_factory=dict)
    started: datetime | None = None
    """Local time, without a zone, as Optuna has it."""
    finished: datetime | None = None
    attempt: int = 0
    """Counts the attempts of a run: a failed trial of another attempt is another trial."""
    note: str = field(default="", compare=False)
    """Markdown."""


@dataclass(frozen=True)
class Board:
    """A study as the dashboard has it."""

    name: str
    objectives: list[Objective]
    space: list[Parameter]
    trials: list[ShownTrial]
    """In the order of their numbers."""
    numbered: bool
    """Whether the numbers are the records' own, so that no trial may come in between."""
    facts: dict[str, str]
    """What stands on its first page."""
    note: str
    """Markdown."""
    figures: dict[Path, int]
    """The report's figures, and when each was drawn (nanoseconds)."""


@dataclass(frozen=True)
class Place:
    """Where results and reports are."""

    results: Path
    reports: Path

    def name(self, folder: Path) -> str:
        """`ablations-cpu`, `official/ablations-cpu`: of a search or study, and of its report."""
        return folder.relative_to(self.results).as_posix()

    def option(self) -> str:
        """What a command needs to find these results."""
        return "" if self.results == Path("results") else f" --results {shlex.quote(str(self.results))}"

    def figures(self, name: str) -> dict[Path, int]:
        found = sorted((self.reports / name / "figures").glob("*.png"))
        return {path: stamp for path in found if (stamp := modified(path))}

    def report_words(self, name: str) -> str:
        """Where its report is; the dashboard serves reports below /reports/."""
        path = self.reports / name / "report.html"
        return f"Report: [{path}](/reports/{name}/report.html)" if path.exists() else "Report: none yet"


def modified(path: Path) -> int:
    """When a file was last written, nanoseconds; 0 where it is not there."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def plain(values: list[float] | None) -> list[float] | None:
    """Values without the last digits that a mean of fractions leaves behind: the dashboard shows all it is given."""
    return None if values is None else [round(value, 12) for value in values]


def local_time(text: str | None) -> datetime | None:
    """A record's time as local time without a zone; None where it is not known."""
    try:
        return datetime.fromisoformat(text or "").astimezone().replace(tzinfo=None)
    except ValueError:
        return None


def run_note(key: str, done: bool, message: str, place: Place) -> str:
    """What there is to do about a run."""
    run, again = (f"leo-bench {command} --key {key}{place.option()}" for command in ("run", "reproduce"))
    words = (
        ["Its settings and layers; and the run done again, compared bit for bit:", f"    {run} --describe\n    {again}"]
        if done
        else ["To do it, where it was begun; once it is done, again, compared bit for bit:", f"    {run}\n    {again}"]
    )
    return "\n\n".join([*([message] if message else []), *words])
