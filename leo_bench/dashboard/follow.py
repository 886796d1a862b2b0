"""Following the files: searches and studies under results/, read again and again into the Optuna database."""

import threading
from collections.abc import Callable
from pathlib import Path

from leo_bench.dashboard.content import Folders, ShownStudy
from leo_bench.dashboard.optuna_database import OptunaDatabase
from leo_bench.dashboard.search import shown_search
from leo_bench.dashboard.study import RunCache, shown_study
from leo_bench.errors import LeoBenchError
from leo_bench.records import find_studies
from leo_bench.records.search import find_searches

Say = Callable[[str], None]
"""Called with each line for the user."""


def sources(results: Path) -> list[Path]:
    """Return the folders of searches and studies in the order in which they are added.

    The dashboard lists the study that was added last first. So published ones come first here, and searches last.
    """
    found = dict.fromkeys([*find_studies(results), *find_searches(results)])
    return sorted(found, key=lambda folder: folder.parent == results)


class Follower:
    """Brings the database up to date with the files."""

    def __init__(
        self,
        folders: Folders,
        database: OptunaDatabase,
        say: Say,
        on_change: Callable[[], None] = lambda: None,
        on_first: Callable[[], None] = lambda: None,
    ) -> None:
        """on_change: called after every change of the database. on_first: called once, after the first study is shown,
        or after the first look if no study can be shown."""
        self.folders, self.database, self.say, self.on_change = folders, database, say, on_change
        self.on_first: Callable[[], None] | None = on_first
        self.runs = RunCache()
        self.said: dict[Path, str] = {}
        """Folder -> the line about what is wrong with it that was said last."""

    def run(self, stop: threading.Event, seconds: float) -> None:
        """Look at the files every so many seconds until stop is set."""
        try:
            self.look(stop)
        finally:
            if not stop.is_set():
                self._first()
        if not stop.is_set():
            shown = self.database.stored.values()
            n_trials = sum(study.n_trials for study in shown)
            self.say(f"shown: {len(shown)} studies and searches, {n_trials} trials; kept up to date")
        while not stop.wait(seconds):
            self.look(stop)

    def look(self, stop: threading.Event | None = None) -> None:
        """Look at all files once. A source that cannot be read or shown is named once and passed over."""
        for folder in sources(self.folders.results):
            if stop is not None and stop.is_set():
                return
            try:
                if self.database.show(self._read(folder)):
                    self.on_change()
                    self._first()
                self.said.pop(folder, None)
            except Exception as error:  # noqa: BLE001 - one broken source must not hide the others
                words = str(error) if isinstance(error, LeoBenchError) else f"{type(error).__name__}: {error}"
                line = f"{folder} is passed over: {' '.join(words.split())}"
                if self.said.get(folder) != line:
                    self.say(line)
                self.said[folder] = line

    def _first(self) -> None:
        """Call on_first unless it was called before."""
        call, self.on_first = self.on_first, None
        if call is not None:
            call()

    def _read(self, folder: Path) -> ShownStudy:
        if (folder / "search.json").exists():
            return shown_search(folder, self.folders)
        return shown_study(folder, self.folders, self.runs)
