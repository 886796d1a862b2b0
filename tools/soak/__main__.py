"""python -m tools.soak: kill runners and runs at random moments, and compare what remains with an undisturbed run.

Linux only, since the processes of runs are found in /proc.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from leo_bench.records import StudyView, load_study
from leo_bench.running.child_processes import PYTHON
from tools.soak.checks import Store
from tools.soak.study import STUDIES, WORKER

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Soak:
    """Soak test of one study."""

    place: Path
    """Folder for the results."""
    study: str
    n_seeds: int
    jobs: int
    chance: random.Random
    figures: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def start(self, results: Path) -> "subprocess.Popen[bytes]":
        """Start the runner of the study."""
        results.mkdir(parents=True, exist_ok=True)
        command = [*PYTHON, "tools.soak.study", str(results), self.study, str(self.n_seeds), str(self.jobs)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        with (results / "said.txt").open("ab") as said:
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, env=environment)

    def undisturbed(self) -> tuple[StudyView, float]:
        """Do the study without any kill. Returns its view and the seconds that it took."""
        began, results = time.monotonic(), self.place / "undisturbed"
        if self.start(results).wait():
            raise SystemExit(f"the undisturbed study failed; see {results}/said.txt")
        return load_study(results / f"soak-{self.study}"), time.monotonic() - began

    def round(self, number: int, wanted: StudyView, each: float, n_kills: int, until: float) -> None:
        """Do the study once, with kills while fewer than n_kills were made and before `until`, and compare it.

        each: seconds that one run takes undisturbed. Kills are spread evenly over one and a half times as long.
        """
        results = self.place / f"round-{number}"
        store = Store(results / f"soak-{self.study}")
        runner = self.start(results)
        while True:
            kill = self.figures["kills"] < n_kills and time.monotonic() < until
            try:
                runner.wait(self.chance.uniform(0, 1.5 * each) if kill else None)
            except subprocess.TimeoutExpired:
                self._kill(runner, results)
                self.faults += store.faults()
                if runner.poll() is not None:
                    self.figures["restarts"] += 1
                    runner = self.start(results)
                continue
            if runner.returncode == 0:
                break
            self.figures["restarts"] += 1
            self.figures["calls that left runs undone"] += 1
            runner = self.start(results)
        self.faults += [*store.faults(), *store.differences_from(wanted)]
        done = load_study(store.folder).done
        self.figures["rounds"] += 1
        self.figures["runs compared"] += len(done)
        self.figures["attempts"] += sum(run.attempts for run in done)
        self.figures["trainings resumed"] += sum(bool(run.result and run.result.resumed_at) for run in done)

    def _kill(self, runner: "subprocess.Popen[bytes]", results: Path) -> None:
        """Kill the runner or one of its runs, at random."""
        workers = processes_of(results)
        target = self.chance.choice(["runner", "run"]) if workers else "runner"
        if target == "runner":
            runner.kill()
            runner.wait()
        else:
            try:
                os.kill(self.chance.choice(workers), signal.SIGKILL)
            except ProcessLookupError:  # it has just ended
                return
        self.figures["kills"] += 1
        self.figures[f"kills of a {target}"] += 1


def processes_of(results: Path) -> list[int]:
    """Return the ids of the processes that do runs of this results folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes().decode(errors="replace").split("\0")
        except OSError:  # it has just ended
            continue
        if WORKER[-1] in command and any(part.startswith(f"{results}/") for part in command):
            found.append(int(path.parent.name))
    return found


def main(arguments: list[str] | None = None) -> int:
    """Run the soak test and print its figures. Returns 1 if anything was lost, done again, torn or different."""
    parser = argparse.ArgumentParser(prog="python -m tools.soak", description=main.__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="no kill after this time (default: 10)")
    parser.add_argument("--kills", type=int, default=10**6, metavar="N", help="no more kills than this")
    parser.add_argument("--study", choices=STUDIES, default="mixed", help="runs to kill (default: mixed)")
    parser.add_argument("--seeds", type=int, default=2, metavar="N", help="seeds of each variant (default: 2)")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="runs at the same time (default: 1)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of the moments (default: 0)")
    options = parser.parse_args(arguments)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        soak = Soak(Path(folder), options.study, options.seeds, options.jobs, random.Random(options.seed))
        wanted, seconds = soak.undisturbed()
        each = seconds * options.jobs / len(wanted.runs)
        until = began + 60 * options.minutes - 2 * seconds  # the last round has to end
        number = 0
        while not number or (soak.figures["kills"] < options.kills and time.monotonic() < until):
            number += 1
            soak.round(number, wanted, each, options.kills, until)
    print(f"study {options.study}, {len(wanted.runs)} runs of about {each:.0f} s, {time.monotonic() - began:.0f} s")
    for name, count in soak.figures.items():
        print(f"{count:6} {name}")
    for fault in soak.faults:
        print(f"FAULT: {fault}")
    print(f"{len(soak.faults)} faults" if soak.faults else "no fault: identical to the undisturbed study")
    return 1 if soak.faults else 0


if __name__ == "__main__":
    sys.exit(main())
