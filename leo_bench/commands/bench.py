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


def benchmark_pages(results: Path, reports: Path) -> list[Path]:
    """Write the benchmark reports, local and published, from their timings; none outside a checkout."""
    timed = [name for name in ("bench", "official/bench") if (results / name / "timings.csv").exists()]
    if not timed or not find_benchmarks():
        return []
    from benchmarks.page import write_page

    return [write_page(results / name, reports / name) for name in timed]


def find_benchmarks() -> bool:
    """Make the benchmarks importable. Returns False outside a checkout."""
    checkout = Path(__file__).resolve().parents[2]
    if not (checkout / "benchmarks").is_dir():
        return False
    if str(checkout) not in sys.path:
        sys.path.insert(0, str(checkout))
    return True
