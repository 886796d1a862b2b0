"""`leo-bench reproduce`: check records and reports, do recorded runs again, and say which level holds for which."""

import argparse
import json
import re
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from leo_bench.commands.bench import timed_benchmarks, write_benchmark_page
from leo_bench.commands.executors import check_ray_options, executor_of
from leo_bench.commands.given import options_given, refuse_beside, refuse_unused_data
from leo_bench.commands.regenerated import regenerated
from leo_bench.commands.runs import no_study
from leo_bench.config import make_settings
from leo_bench.errors import EXIT_FAILED, LeoBenchError
from leo_bench.records import LOCK_SECONDS, RUNS, RunState, find_studies, make_folder
from leo_bench.records.search import find_searches
from leo_bench.report import write_report, write_search_report
from leo_bench.running import provenance
from leo_bench.running.executor import Executor
from leo_bench.running.numerics import numerics_digest
from leo_bench.running.reproduce import Steps, again, done_runs, runs_of, sealed, with_key
from leo_bench.running.sample import Candidate, Outcome, Sample, in_turns, others_of
from leo_bench.running.sources import Source, Sources
from leo_bench.statistics import next_seed_range
from leo_bench.statistics.studies.study import Studies

DEFAULT_LEVELS = "0-2"


@dataclass
class Findings:
    """Result of all levels, as `--json` prints it. docs/reproducibility.md explains each entry."""

    levels: list[int]
    machine: dict[str, Any]
    holds: dict[int, bool | None] = field(default_factory=dict)
    """Level -> whether it holds for everything that was tried; None if nothing was."""
    records: list[dict[str, Any]] = field(default_factory=list)
    reports: list[dict[str, Any]] = field(default_factory=list)
    runs: list[dict[str, Any]] = field(default_factory=list)
    not_tried: list[dict[str, Any]] = field(default_factory=list)


def command_reproduce(options: argparse.Namespace) -> int:
    """Check the levels that are asked for, and print for each what holds and why not. Returns the exit code."""
    deadline = time.monotonic() + 60 * options.minutes
    levels = _levels(options)
    for folder in options.study:
        if not folder.is_dir():
            raise LeoBenchError(f"{folder} is no folder; name that of a study or search, such as results/ablations-cpu")
    folders = options.study or [*find_studies(options.results), *find_searches(options.results)]
    if not folders and not options.key:
        raise no_study(options.results)
    machine = {**provenance.host(), "versions": provenance.versions(), "commit": provenance.commit()}
    check = _Check(options, Findings(levels, machine))
    done = {} if options.key else check.records(folders)
    if 1 in levels:
        check.reports(folders)
    if {2, 3} & set(levels):
        if options.key:
            folder, run = with_key(folders, options.key, None if options.study else options.results / RUNS)
            others = [run]
            with suppress(LeoBenchError):  # a store is no study
                others += [one for one in done_runs(folder) if one.planned != run.planned]
            candidates, known, limit = [Candidate((folder,), run)], {folder: others}, None
        else:
            limit = None if options.n is not None and not options_given(options, "minutes") else deadline
            candidates, known = in_turns(done, options.n), done
        on_gpu = [one for one in candidates if one.run.planned.settings.get("device") == "cuda"]
        if options.gpus_per_run and not on_gpu:
            raise LeoBenchError("--gpus-per-run is for runs that compute on a GPU, and none of these does")
        if on_gpu and not options.ray and not _has_gpu():
            candidates = [one for one in candidates if one not in on_gpu]
            check.leave_out(on_gpu)
        with executor_of(options) as executor:
            check.runs(candidates, known, limit, executor)
    if options.json:
        print(json.dumps(asdict(check.found), indent=1))
    return (
        0 if all(holds for level, holds in check.found.holds.items() if _counts(level, holds, levels)) else EXIT_FAILED
    )


def _has_gpu() -> bool:
    """Return True if torch finds a GPU here."""
    import torch  # the other commands of this module need no torch

    return torch.cuda.is_available()


def _counts(level: int, holds: bool | None, levels: Sequence[int]) -> bool:
    """Return True if a level decides the exit code. Beside other levels, no report to compare is no failure."""
    return level != 1 or holds is not None or len(levels) == 1


def _levels(options: argparse.Namespace) -> list[int]:
    """Return the levels to check. Raises LeoBenchError for options that are wrong or would be ignored."""
    check_ray_options(options)
    if not 0 < options.minutes < 1e6:
        raise LeoBenchError(f"--minutes must be a number above 0, got {options.minutes:g}")
    if options.key:
        refuse_beside("--key", "names one run", options_given(options, "n", "minutes", "jobs"))
    text = options.levels or ("2" if options.key else DEFAULT_LEVELS)
    match = re.fullmatch(r"([0-3])(?:-([0-3]))?", text)
    levels = list(range(int(match[1]), int(match[2] or match[1]) + 1)) if match else []
    if not levels:
        raise LeoBenchError(f"--levels {text!r}: expected a number from 0 to 3, or a range such as {DEFAULT_LEVELS}")
    if options.key and min(levels) < 2:
        raise LeoBenchError(f"--key names one run, so levels below 2 do not apply; leave out --levels {text}")
    if max(levels) < 2:
        ignored = options_given(options, "n", "this_source", "minutes", "jobs", "ray", "data")
        refuse_beside(f"--levels {text}", "does no run", ignored)
    if 1 not in levels:
        refuse_beside(f"--levels {text}", "compares no report", options_given(options, "reports"))
    if options.study and levels == [0]:
        refuse_beside(f"--levels {text}", "reads the folders that are named", options_given(options, "results"))
    return levels


@dataclass
class _Check:
    """Check of the levels. Prints lines for people as it goes, to stderr if JSON is asked for."""

    options: argparse.Namespace
    found: Findings

    def say(self, text: str) -> None:
        print(text, file=sys.stderr if self.options.json else sys.stdout, flush=True)

    def records(self, folders: Sequence[Path]) -> dict[Path, list[RunState]]:
        """Check level 0, and return folder -> its done runs. A folder that cannot be read gets a line."""
        done: dict[Path, list[RunState]] = {}
        for folder in folders:
            problems: list[str] = []
            runs: list[RunState] = []
            try:
                runs = runs_of(folder)
                problems = [f"{one.planned.variant} seed {one.planned.seed}: {one.message}" for one in _corrupt(runs)]
            except LeoBenchError as error:  # one broken folder must not hide the others
                problems = [str(error)]
            done[folder] = [run for run in runs if run.status == "done"]
            states = Counter(run.status for run in runs)
            n_sealed = sum(map(sealed, done[folder]))
            entry = {"folder": str(folder), "runs": dict(states), "with_digest": n_sealed, "problems": problems}
            self.found.records.append(entry)
            for problem in problems:
                print(f"error: {folder}: {problem}", file=sys.stderr)
        if 0 in self.found.levels:
            self._say_records(done)
        return done

    def _say_records(self, done: Mapping[Path, Sequence[RunState]]) -> None:
        entries = self.found.records
        valid, n_sealed = sum(map(len, done.values())), sum(entry["with_digest"] for entry in entries)
        broken = sum(len(entry["problems"]) for entry in entries)
        self.found.holds[0] = not broken if entries else None
        older = f"; {valid - n_sealed} are older than the digest of records" if valid > n_sealed else ""
        matching = f"; the digests of {n_sealed} match" if n_sealed else ""
        places = f"{len(entries)} studies and searches" if len(entries) != 1 else "one study or search"
        self.say(
            f"level 0: {valid} run{'s are' if valid != 1 else ' is'} valid in {places}, "
            f"{broken if broken else 'none'} broken{matching}{older}"
        )

    def reports(self, folders: Sequence[Path]) -> None:
        """Check level 1: make each report that is there again, and compare its files."""
        results, reports = self.options.results, self.options.reports
        writers: dict[str, Callable[[Path], object]] = {}
        studies = Studies()
        for folder in folders:
            inside = folder.resolve().is_relative_to(results.resolve())
            name = str(folder.resolve().relative_to(results.resolve())) if inside else folder.name
            write = write_search_report if (folder / "search.json").exists() else write_report
            writers[name] = partial(write, folder, studies=studies)
        if not self.options.study:
            writers |= {name: partial(write_benchmark_page, results / name) for name in timed_benchmarks(results)}
        kept = {name: write for name, write in writers.items() if (reports / name).is_dir()}
        for name, make in kept.items():
            entry: dict[str, Any] = {"report": name, "files": 0, "differences": [], "reason": ""}
            try:
                entry["files"], entry["differences"] = regenerated(name, reports, make)
            except LeoBenchError as error:
                entry["reason"] = str(error)
            self.found.reports.append(entry)
            for line in [*entry["differences"], *filter(None, [entry["reason"]])]:
                self.say(f"{reports / name}: {line}")
        same = [entry for entry in self.found.reports if not entry["differences"] and not entry["reason"]]
        n_files = sum(entry["files"] for entry in same)
        self.found.holds[1] = len(same) == len(kept) if kept else None
        without = f"; {len(writers) - len(kept)} have no report to compare" if len(kept) < len(writers) else ""
        self.say(f"level 1: {len(same)} of {len(kept)} reports are the same byte for byte, {n_files} files{without}")

    def leave_out(self, on_gpu: Sequence[Candidate]) -> None:
        """Note the runs that cannot be done again here. Raises LeoBenchError if --key asks for one of them."""
        words = "computed on a GPU, and torch finds none here"
        if self.options.key:
            raise LeoBenchError(f"run {self.options.key} was {words}; do it again on a machine with one, or with --ray")
        self.found.not_tried += _not_tried(on_gpu)
        self.say(f"left out: {len(on_gpu)} runs that were {words}")

    def runs(
        self,
        candidates: list[Candidate],
        known: Mapping[Path, Sequence[RunState]],
        deadline: float | None,
        executor: Executor,
    ) -> None:
        """Check levels 2 and 3: do runs again until the time is over. known: folder -> its done runs."""
        if self.options.data is not None and candidates:
            used = {test.dataset for one in candidates for test in one.run.tests}
            refuse_unused_data(self.options.data, used | {one.run.planned.settings["dataset"] for one in candidates})
        place = self.options.results / "reproduce"
        make_folder(place.parent)
        try:
            with FileLock(place.with_name(".reproduce.lock")).acquire(timeout=LOCK_SECONDS):
                self._do_again(place, candidates, known, deadline, executor)
        except Timeout:
            raise LeoBenchError(f"another call does runs again in {place}/; wait until it ends") from None

    def _do_again(
        self,
        place: Path,
        candidates: list[Candidate],
        known: Mapping[Path, Sequence[RunState]],
        deadline: float | None,
        executor: Executor,
    ) -> None:
        """Do runs again in the folder place, whose lock is held."""
        sources = Sources(place)

        def do(run: RunState) -> Steps:
            assert run.result is not None
            settings = make_settings(run.planned.settings, where=run.planned.run_key)
            if self.options.this_source:
                source = Source(numerics_digest(settings.learner, settings.dataset))
            else:
                source = sources.of_record(settings, run.result.numerics, run.result.commit)
            return (yield from again(run, self.options.results, place, self.options.data, source))

        sample = Sample(candidates, do, executor, deadline)
        try:
            for outcome in sample.outcomes():
                self._say_run(outcome, known)
        finally:
            for root in sources.unpacked.values():
                if isinstance(root, Path):
                    shutil.rmtree(root, ignore_errors=True)
        self.found.not_tried += _not_tried(sample.waiting)
        self._say_runs(sample.waiting, len(known))

    def _say_run(self, outcome: Outcome, known: Mapping[Path, Sequence[RunState]]) -> None:
        run, comparison = outcome.candidate.run, outcome.comparison
        assert run.result is not None
        folders = outcome.candidate.folders
        span = next_seed_range(max((others_of(run, known[folder]) for folder in folders), key=len))
        inside = None if comparison is None or span is None else span[0] <= comparison.accuracy <= span[1]
        same = comparison is not None and not comparison.differences
        elsewhere = bool(comparison and comparison.changed)
        entry: dict[str, Any] = {
            "folders": list(map(str, folders)),
            "run_key": run.planned.run_key,
            "variant": run.planned.variant,
            "seed": run.planned.seed,
            "commit": run.result.commit,
            "numerics": run.result.numerics,
            "source": comparison.source if comparison else None,
            "level": 2 if same else 3 if inside and elsewhere else None,
            "differences": comparison.differences if comparison else [],
            "changed": comparison.changed if comparison else "",
            "accuracy": comparison.accuracy if comparison else None,
            "accuracy_on_record": run.headline.accuracy,
            "range": span,
            "inside_range": inside,
            "reason": outcome.reason,
            "seconds": round(outcome.seconds, 1),
        }
        self.found.runs.append(entry)
        name = f"{run.planned.variant} seed {run.planned.seed} ({run.planned.run_key})"
        more = f", also of {', '.join(folder.name for folder in folders[1:])}" if folders[1:] else ""
        self.say(f"{folders[0]}: {name}: {_words(entry)}{more}")
        for line in entry["differences"]:
            self.say(f"    {line}")

    def _say_runs(self, waiting: Sequence[Candidate], n_folders: int) -> None:
        entries = self.found.runs
        compared = [entry for entry in entries if not entry["reason"]]
        here = [entry for entry in compared if not entry["changed"] or entry["level"] == 2]
        same = [entry for entry in here if entry["level"] == 2]
        elsewhere = [entry for entry in compared if entry["changed"] and entry["level"] != 2]
        later = f"; {len(waiting)} are left for more time (--minutes)" if waiting else ""
        if 2 in self.found.levels:
            failed = any(entry["reason"] for entry in entries) and (self.options.study or self.options.key)
            outside = any(entry["inside_range"] is False for entry in elsewhere)
            self.found.holds[2] = len(same) == len(here) and not failed and not outside if compared else None
            not_here = f"; {len(elsewhere)} were made elsewhere or by another source" if elsewhere else ""
            none = f"; {len(entries) - len(compared)} could not be compared" if len(compared) < len(entries) else ""
            held = {folder for entry in same for folder in entry["folders"]}
            of = f", from {len(held)} of {n_folders} studies and searches" if n_folders > 1 else ""
            self.say(f"level 2: {len(same)} of {len(here)} runs are the same bit for bit{of}{not_here}{none}{later}")
        ranged = [entry for entry in compared if entry["inside_range"] is not None]
        if 3 in self.found.levels or elsewhere:
            asked = ranged if 3 in self.found.levels else [entry for entry in elsewhere if entry in ranged]
            inside = sum(entry["inside_range"] for entry in asked)
            if 3 in self.found.levels:
                self.found.holds[3] = inside == len(asked) if asked else None
            self.say(f"level 3: {inside} of {len(asked)} accuracies are inside the range of the seeds on record")


def _not_tried(candidates: Sequence[Candidate]) -> list[dict[str, Any]]:
    return [
        {
            "folders": list(map(str, one.folders)),
            "run_key": one.run.planned.run_key,
            "seconds": round(one.seconds),
        }
        for one in candidates
    ]


def _corrupt(runs: Sequence[RunState]) -> list[RunState]:
    return [run for run in runs if run.status == "corrupt"]


def _words(entry: Mapping[str, Any]) -> str:
    """Return how a run ended, in words."""
    if entry["reason"]:
        return f"not compared: {entry['reason']}"
    by = "" if entry["source"] == "this source" else f" by {entry['source']}"
    since = f" ({entry['changed']})" if entry["changed"] else ""
    if entry["level"] == 2:
        return f"bit for bit the same{by}{since}, {entry['seconds']:.0f} s"
    words = f"DIFFERS{by}{since}"
    if not entry["changed"] and entry["range"] is None:
        return words
    accuracy = f"accuracy {entry['accuracy']:.2%}, on record {entry['accuracy_on_record']:.2%}"
    if entry["range"] is None:
        return f"{words}; {accuracy}; one seed on record gives no range"
    low, high = entry["range"]
    place = "inside" if entry["inside_range"] else "OUTSIDE"
    return f"{words}; {accuracy}, {place} the range of the seeds on record, {low:.2%} to {high:.2%}"
