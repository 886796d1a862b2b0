"""Content of the dashboard: a study and its trials as they are shown. Optuna is not needed.

search.py and study.py read it from files.
"""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from leo_bench.records import markdown_text
from leo_bench.records.search import Objective, Parameter, TrialState, Value


@dataclass(frozen=True)
class ShownTrial:
    """A trial as the dashboard shows it."""

    key: str
    """Name of what the trial shows; it stays the same each time the files are read."""
    state: TrialState
    parameters: dict[str, Value]
    values: list[float] | None = None
    """One value per objective if the trial is complete."""
    curve: list[tuple[int, float]] = field(default_factory=list)
    """Learning curve: (training episode, validation accuracy)."""
    attributes: dict[str, Value] = field(default_factory=dict)
    """Optuna's user attributes."""
    started: datetime | None = None
    """Local time without a zone, as Optuna has it."""
    finished: datetime | None = None
    attempt: int = 0
    """Number of the run's last attempt. A failed run with a new attempt is shown as a new trial."""
    note: str = field(default="", compare=False)
    """Markdown."""


@dataclass(frozen=True)
class ShownStudy:
    """A study as the dashboard shows it: a search, or a study's planned runs as trials."""

    name: str
    objectives: list[Objective]
    space: list[Parameter]
    trials: list[ShownTrial]
    """Trials in the order of their numbers."""
    numbered: bool
    """True if trial numbers come from the records, so that no other trial may be inserted."""
    attributes: dict[str, str]
    """Optuna's user attributes, shown on the study's first page."""
    note: str
    """Markdown."""
    figures: dict[Path, int]
    """Figures of the report, with the time each was written (nanoseconds)."""


@dataclass(frozen=True)
class Folders:
    """Folders of results and reports."""

    results: Path
    reports: Path

    def name(self, folder: Path) -> str:
        """Return the name of a search's or study's folder, such as `ablations-cpu` or `official/ablations-cpu`."""
        return folder.relative_to(self.results).as_posix()

    def option(self) -> str:
        """Return the option that makes a command find these results; empty if they are in results/."""
        return "" if self.results == Path("results") else f" --results {shlex.quote(str(self.results))}"

    def figures(self, name: str) -> dict[Path, int]:
        """Return the figures of a report, with the time each was written (nanoseconds)."""
        found = sorted((self.reports / name / "figures").glob("*.png"))
        return {path: time for path in found if (time := time_written(path))}

    def report_link(self, name: str) -> str:
        """Return a link to a report, in Markdown. The dashboard serves reports below /reports/."""
        path = self.reports / name / "report.html"
        link = f"Report: [{markdown_text(str(path))}](/reports/{quote(name)}/report.html)"
        return link if path.exists() else "Report: none yet"


def time_written(path: Path) -> int:
    """Return the time a file was last written, in nanoseconds; 0 if the file is missing."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def shown_trial(
    key: str,
    state: TrialState,
    parameters: dict[str, Value],
    attributes: Mapping[str, Value | None],
    values: list[float] | None,
    times: tuple[str | None, str | None],
    **others: Any,
) -> ShownTrial:
    """Return a trial from what records hold.

    attributes: those that are None are left out. values: rounded to 12 decimals, since the dashboard shows all digits,
    and means end in rounding errors. times: start and end, ISO 8601. others: more fields of ShownTrial.
    """
    started, finished = map(_local_time, times)
    return ShownTrial(
        key=key,
        state=state,
        parameters=parameters,
        values=None if values is None else [round(value, 12) for value in values],
        attributes={name: value for name, value in attributes.items() if value is not None},
        started=started,
        finished=finished,
        **others,
    )


def _local_time(text: str | None) -> datetime | None:
    """Return a record's time as local time without a zone; None if it is unknown."""
    try:
        return datetime.fromisoformat(text or "").astimezone().replace(tzinfo=None)
    except ValueError:
        return None


def run_note(key: str, done: bool, message: str, folders: Folders) -> str:
    """Return the note of a run's trial, in Markdown: its message, and the commands to type."""
    run, again = (f"leo-bench {command} --key {key}{folders.option()}" for command in ("run", "reproduce"))
    words = (
        [
            "To see its settings and layers, and to do the run again and compare bit for bit:",
            f"    {run} --describe\n    {again}",
        ]
        if done
        else ["To do the run, and then to do it again and compare bit for bit:", f"    {run}\n    {again}"]
    )
    return "\n\n".join([*([markdown_text(message)] if message else []), *words])
