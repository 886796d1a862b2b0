"""`leo-bench bench`: run the benchmarks, which are part of a checkout."""

import argparse
import sys
from pathlib import Path

from leo_bench.commands.given import options_given, refuse_beside
from leo_bench.errors import LeoBenchError


def command_bench(options: argparse.Namespace) -> None:
    """Run benchmarks and write their report, or publish what was timed."""
    if not find_benchmarks():
        raise LeoBenchError("the benchmarks are not installed with leo_bench; run this command in a checkout")
    from benchmarks.run import bench, publish

    if options.publish:
        refuse_beside("--publish", "copies all timings", options_given(options, "only"))
        for folder in publish(options.results, options.reports):
            print(folder)
    else:
        print(f"report: {bench(options.results, options.reports, options.only)}")


def timed_benchmarks(results: Path) -> list[str]:
    """Return the folders of benchmarks below results, local and published, that were timed; none outside a checkout."""
    timed = [name for name in ("bench", "official/bench") if (results / name / "timings.csv").exists()]
    return timed if timed and find_benchmarks() else []


def write_benchmark_page(folder: Path, out: Path) -> Path:
    """Write the report of the benchmarks in a folder, which timed_benchmarks has found, from their timings."""
    from benchmarks.page import write_page

    return write_page(folder, out)


def find_benchmarks() -> bool:
    """Make the benchmarks importable. Returns False outside a checkout."""
    checkout = Path(__file__).resolve().parents[2]
    if not (checkout / "benchmarks").is_dir():
        return False
    if str(checkout) not in sys.path:
        sys.path.insert(0, str(checkout))
    return True
