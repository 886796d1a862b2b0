"""Queue of the runs that wait, with the estimated time that they take. Each step takes the same time at any length."""

from collections import Counter
from collections.abc import Collection, Iterable, KeysView

from leo_bench.records import PlannedRun
from leo_bench.running.estimate import scoring_cost, training_cost


class RunQueue:
    """Runs that wait to be started, in order. A training that several of them share is estimated once."""

    def __init__(self, runs: Iterable[PlannedRun]) -> None:
        """runs: the first one is started first."""
        self._runs: list[PlannedRun] = []
        self._waiting: Counter[str] = Counter()
        self._training: dict[str, float] = {}
        self._scoring: dict[int, float] = {}
        self._seconds = 0.0
        for run in runs:
            self._runs.append(run)
            self._count(run)

    def __len__(self) -> int:
        return len(self._runs)

    @property
    def seconds(self) -> float:
        """Estimated seconds of all runs that wait, on one CPU core."""
        return max(self._seconds, 0.0)

    def keys(self) -> KeysView[str]:
        """Return the keys of the runs that wait, each once."""
        return self._waiting.keys()

    def first(self, n: int, without: Collection[str]) -> list[PlannedRun]:
        """Return the next n runs, at most one for each key, leaving out the keys in `without`."""
        found: dict[str, PlannedRun] = {}
        for run in self._runs if n > 0 else ():
            if run.run_key not in without:
                found.setdefault(run.run_key, run)
            if len(found) == n:
                break
        return list(found.values())

    def take(self, run: PlannedRun) -> None:
        """Remove a run."""
        del self._runs[next(index for index, other in enumerate(self._runs) if other is run)]
        self._waiting[run.run_key] -= 1
        self._seconds -= self._scoring[id(run)]
        if not self._waiting[run.run_key]:
            del self._waiting[run.run_key]
            self._seconds -= self._training[run.run_key]

    def put_back(self, run: PlannedRun) -> None:
        """Put a run that was taken back at the front."""
        self._runs.insert(0, run)
        self._count(run)

    def named(self, key: str) -> PlannedRun:
        """Return the first run with this key."""
        return next(run for run in self._runs if run.run_key == key)

    def cost(self, run: PlannedRun) -> float:
        """Return the estimated seconds of a run that is or was in the queue, on one CPU core."""
        return self._training[run.run_key] + self._scoring[id(run)]

    def _count(self, run: PlannedRun) -> None:
        if run.run_key not in self._training:
            self._training[run.run_key] = training_cost(run.settings)
        if id(run) not in self._scoring:
            self._scoring[id(run)] = scoring_cost(run.settings)
        self._seconds += self._scoring[id(run)] + (0 if self._waiting[run.run_key] else self._training[run.run_key])
        self._waiting[run.run_key] += 1
