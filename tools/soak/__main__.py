"""python -m tools.soak: kill runners and runs at random moments, and compare what remains with an undisturbed study.

Linux only, since the state of a process is read in /proc.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from leo_bench.records import StudyView, load_study
from leo_bench.running.attempts import last_line
from leo_bench.running.worker import WORKER
from tools.soak import client, study
from tools.soak.checks import Store

ROOT = Path(__file__).resolve().parents[2]

MAX_FAILURES = 3
"""Failures of the runner in a row, with no kill before them, after which a round is given up."""


@dataclass
class Soak:
    """Soak test of one study."""

    place: Path
    """Folder for the results, the socket of the zygote, and the ids of its processes."""
    study: str
    n_seeds: int
    jobs: int
    chance: random.Random
    figures: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    given_up: bool = False
    """True if a round did not end: its runner failed again and again, or took too long."""

    def arguments(self, results: Path, worker: Sequence[str]) -> list[str]:
        """Return the arguments of study.main."""
        results.mkdir(parents=True, exist_ok=True)
        return [str(results), self.study, str(self.n_seeds), str(self.jobs), json.dumps(worker)]

    def command(self, role: str) -> list[str]:
        """Return the command of a process that the zygote forks."""
        return [sys.executable, "-S", "-E", "-P", client.__file__, str(self.place / "socket"), role]

    def undisturbed(self) -> StudyView:
        """Do the study in the usual way, each run a new process, without any kill. Returns its view."""
        if study.main(self.arguments(self.place / "undisturbed", WORKER)):
            raise SystemExit("the undisturbed study failed")
        return load_study(self.place / "undisturbed" / f"soak-{self.study}")

    def start(self, results: Path) -> "subprocess.Popen[bytes]":
        """Start the runner of the study in a process that can be killed."""
        command = [*self.command("runner"), *self.arguments(results, self.command("run"))]
        with (results / "said.txt").open("ab") as said:
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said)

    def round(self, wanted: StudyView, each: float, n_kills: int, until: float, patience: float) -> float:
        """Do the study once, with kills while fewer than n_kills were made and before `until`, and compare it.

        each: seconds of one run; the time to the next kill is drawn evenly up to a little more. A round that does not
        end within `patience` seconds after the last moment for a kill is given up, which is a fault. So is one whose
        runner fails MAX_FAILURES times in a row with no kill before. Returns its seconds.
        """
        began, results = time.monotonic(), self.place / f"round-{self.figures['rounds']}"
        store = Store(results / f"soak-{self.study}")
        end = max(began, until) + patience
        runner, n_failures, killed = self.start(results), 0, False
        while runner.returncode != 0:
            kill = self.figures["kills"] < n_kills and time.monotonic() < until
            try:
                runner.wait(self.chance.uniform(0, 1.2 * each) if kill else max(0.0, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                if time.monotonic() >= end:
                    return self._give_up(runner, results, f"the study did not end in {end - began:.0f} s", began)
                if not self._kill(results):
                    continue
                killed = True
                time.sleep(0.2)  # for the end of a killed runner to be seen
                self.faults += store.faults()
            if runner.poll():
                n_failures, killed = (0 if killed else n_failures + 1), False
                if n_failures == MAX_FAILURES:
                    words = last_line(results / "said.txt") or "no message"
                    return self._give_up(runner, results, f"the runner failed {n_failures} times: {words}", began)
                self.figures["restarts"] += 1
                runner = self.start(results)
        self.faults += [*store.faults(), *store.differences_from(wanted)]
        done = load_study(store.folder).done
        self.figures["rounds"] += 1
        self.figures["runs compared"] += len(done)
        self.figures["attempts"] += sum(run.attempts for run in done)
        self.figures["trainings resumed"] += sum(bool(run.result and run.result.resumed_at) for run in done)
        return time.monotonic() - began

    def _give_up(self, runner: "subprocess.Popen[bytes]", results: Path, fault: str, began: float) -> float:
        """Note a fault and end the processes of a round, the runners first. Returns the seconds of the round."""
        self.given_up = True
        self.faults.append(f"given up: {fault}")
        runner.kill()
        runner.wait()
        for role in ("runner", "run"):
            for _, number in [one for one in self._alive(results) if one[0] == role]:
                with suppress(ProcessLookupError):
                    os.kill(number, signal.SIGKILL)
        return time.monotonic() - began

    def _kill(self, results: Path) -> bool:
        """Kill the runner or one of its runs, at random. Returns False if there is none at the moment."""
        alive = self._alive(results)
        roles = sorted({role for role, _ in alive})
        if not roles:
            return False
        chosen = self.chance.choice(roles)
        os.kill(self.chance.choice([number for role, number in alive if role == chosen]), signal.SIGKILL)
        self.figures["kills"] += 1
        self.figures[f"kills of a {chosen}"] += 1
        return True

    def _alive(self, results: Path) -> list[tuple[str, int]]:
        """Return role and id of the processes of a round that have not ended."""
        found = []
        for path in (self.place / "pids").iterdir():
            try:
                role, folder, *_ = json.loads(path.read_text(encoding="utf-8"))
                state = Path(f"/proc/{path.name}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
            except (OSError, ValueError):  # it is just beginning or ending
                continue
            if state != "Z" and (Path(folder) == results or results in Path(folder).parents):
                found.append((role, int(path.name)))
        return found


def main(arguments: list[str] | None = None) -> int:
    """Run the soak test and print its figures. Returns 1 if anything was lost, done again, torn or different."""
    parser = argparse.ArgumentParser(prog="python -m tools.soak", description=main.__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="begin no round after this time (default: 10)")
    parser.add_argument("--kills", type=int, default=10**6, metavar="N", help="no more kills than this")
    parser.add_argument("--study", choices=study.STUDIES, default="mixed", help="runs to kill (default: mixed)")
    parser.add_argument("--seeds", type=int, default=2, metavar="N", help="seeds of each variant (default: 2)")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="runs at the same time (default: 1)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of the moments (default: 0)")
    options = parser.parse_args(arguments)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        soak = Soak(Path(folder), options.study, options.seeds, options.jobs, random.Random(options.seed))
        (soak.place / "pids").mkdir()
        wanted = soak.undisturbed()
        patience = 60 + 10 * (time.monotonic() - began)
        one_thread = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "tools.soak.zygote", str(soak.place / "socket"), str(soak.place / "pids")]
        environment = {**os.environ, **one_thread, "PYTHONPATH": str(ROOT)}
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, env=environment) as zygote:
            try:
                while not (soak.place / "socket").exists():
                    if zygote.poll() is not None:
                        raise SystemExit("the zygote did not start")
                    time.sleep(0.1)
                seconds = soak.round(wanted, 1.0, 0, 0.0, patience)  # without kills, to learn how long it takes
                each = seconds * options.jobs / len(wanted.runs)
                until = began + 60 * options.minutes - seconds  # the last round has to end
                while soak.figures["kills"] < options.kills and time.monotonic() < until and not soak.given_up:
                    took = soak.round(wanted, each, options.kills, until, patience)
                    each = min(each, took * options.jobs / len(wanted.runs))  # the machine may have become faster
            finally:
                zygote.kill()
    seconds = time.monotonic() - began
    print(f"study {options.study}: {len(wanted.runs)} runs of about {each:.1f} s; {seconds:.0f} s in all")
    for name, count in soak.figures.items():
        print(f"{count:6} {name}")
    for fault in soak.faults:
        print(f"FAULT: {fault}")
    print(f"{len(soak.faults)} faults" if soak.faults else "no fault: identical to the undisturbed study")
    return 1 if soak.faults else 0


if __name__ == "__main__":
    sys.exit(main())
