"""`make bench`: time the suite, write results/bench and reports/bench."""

import argparse
import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from benchmarks.measure import measure
from benchmarks.page import ratio_table, write_page
from benchmarks.suite import GROUPS
from leo_bench import provenance
from leo_bench.config import default_precision
from leo_bench.errors import EXIT_USAGE, LeoBenchError
from leo_bench.records import write_atomic


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(prog="leo-bench bench", description=__doc__)
    names = [group.name for group in GROUPS]
    parser.add_argument("--only", action="append", default=[], metavar="GROUP", help=f"of: {', '.join(names)}")
    parser.add_argument("--results", type=Path, default=Path("results"), metavar="FOLDER")
    parser.add_argument("--reports", type=Path, default=Path("reports"), metavar="FOLDER")
    parser.add_argument(
        "--publish", action="store_true", help="copy what was measured to results/ and reports/official"
    )
    options = parser.parse_args(arguments)
    try:
        unknown = [name for name in options.only if name not in names]
        if unknown:
            raise LeoBenchError(f"no group {unknown[0]!r} of benchmarks; there are: {', '.join(names)}")
        if options.publish:
            publish(options.results, options.reports)
        else:
            run(options.results / "bench", options.reports / "bench", options.only or names)
    except LeoBenchError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_USAGE
    return 0


def run(results: Path, reports: Path, names: Sequence[str]) -> None:
    """Time the groups; those timed before on the same source stay in the results."""
    facts = {
        **provenance.host(),
        **provenance.versions(),
        "precision of convolutions": default_precision({}, "cpu"),
        "commit": provenance.commit(),
        "numerics": provenance.numerics_digest(),
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
    print(f"report: {page}")


def kept(results: Path, facts: dict[str, str], names: Sequence[str]) -> list[pd.DataFrame]:
    """Timings of other groups, where the same machine took them with the same source and versions."""
    try:
        before = json.loads((results / "machine.json").read_text())
        timings = pd.read_csv(results / "timings.csv")
    except (OSError, ValueError):
        return []
    if {name: value for name, value in before.items() if name != "commit"} != {
        name: value for name, value in facts.items() if name != "commit"
    }:
        return []
    return [timings[~timings["group"].isin(names)]]


def publish(results: Path, reports: Path) -> None:
    """Copy results/bench and reports/bench to where they are committed."""
    if not (results / "bench" / "timings.csv").exists():
        raise LeoBenchError(f"{results / 'bench'} holds no timings; run: make bench")
    for source in (results / "bench", reports / "bench"):
        target = source.parent / "official" / "bench"
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(source, target)
        print(target)


if __name__ == "__main__":
    sys.exit(main())
