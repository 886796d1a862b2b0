"""Timing of the suite into results/bench and reports/bench, and copies of both to where they are committed."""

import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from benchmarks.measure import measure
from benchmarks.page import ratio_table, write_page
from benchmarks.suite import GROUPS
from leo_bench.config import bfloat16_is_fast
from leo_bench.errors import LeoBenchError
from leo_bench.learners import LEARNERS
from leo_bench.records import write_atomic
from leo_bench.running import provenance
from leo_bench.running.numerics import numerics_digest


def bench(results: Path, reports: Path, only: Sequence[str] = ()) -> Path:
    """Time the groups named in only, or all. Returns the report. Raises LeoBenchError for an unknown group."""
    names = [group.name for group in GROUPS]
    for name in only:
        if name not in names:
            raise LeoBenchError(f"no group {name!r} of benchmarks; there are: {'; '.join(names)}")
    return run(results / "bench", reports / "bench", only or names)


def run(results: Path, reports: Path, names: Sequence[str]) -> Path:
    """Time the groups. Timings of other groups by the same source stay in the results."""
    facts = {
        **provenance.host(),
        **provenance.versions(),
        "precision of convolutions": "float32, bfloat16" if bfloat16_is_fast() else "float32",
        "commit": provenance.commit(),
        "numerics": ", ".join(f"{name} {numerics_digest(name, 'omniglot')}" for name in LEARNERS),
        "benchmarks": _own_digest(),
        "device": "cpu",
    }
    parts = kept(results, facts, names)
    for group in (group for group in GROUPS if group.name in names):
        print(f"timing {group.name}: {', '.join(case.name for case in group.cases)}", flush=True)
        parts.append(measure(group))
        write_atomic(results / "timings.csv", pd.concat(parts).to_csv(index=False).encode())
        write_atomic(results / "machine.json", (json.dumps(facts, indent=1) + "\n").encode())
    page = write_page(results, reports)
    print(ratio_table(pd.read_csv(results / "timings.csv")).to_string(index=False))
    return page


def kept(results: Path, facts: dict[str, str], names: Sequence[str]) -> list[pd.DataFrame]:
    """Return the timings of other groups if machine, source and versions are the same."""
    try:
        before = json.loads((results / "machine.json").read_text(encoding="utf-8"))
        timings = pd.read_csv(results / "timings.csv")
    except (OSError, ValueError):
        return []
    if {name: value for name, value in before.items() if name != "commit"} != {
        name: value for name, value in facts.items() if name != "commit"
    }:
        print("earlier timings are dropped: source, machine or versions have changed since")
        return []
    return [timings[~timings["group"].isin(names)]]


def _own_digest() -> str:
    """Return 12 hexadecimal digits of SHA-256 over the source of the benchmarks."""
    text = "".join(path.read_text(encoding="utf-8") for path in sorted(Path(__file__).parent.glob("*.py")))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def publish(results: Path, reports: Path) -> list[Path]:
    """Copy results/bench and reports/bench to where they are committed. Returns these folders.

    Raises LeoBenchError if a group has not been timed, or if the report is older than the timings.
    """
    timings, page = results / "bench" / "timings.csv", reports / "bench" / "report.html"
    if not timings.exists() or not page.exists() or page.stat().st_mtime < timings.stat().st_mtime:
        raise LeoBenchError(f"{results / 'bench'} has no timings with a report made after them; run: make bench")
    waiting = {group.name for group in GROUPS} - set(pd.read_csv(timings)["group"])
    if waiting:
        raise LeoBenchError(f"not timed yet: {', '.join(sorted(waiting))}; run: make bench")
    targets = []
    for source in (results / "bench", reports / "bench"):
        target = source.parent / "official" / "bench"
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(source, target)
        targets.append(target)
    return targets
