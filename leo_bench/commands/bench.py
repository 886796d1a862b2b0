"""`leo-bench bench`: the benchmarks, which are part of a checkout."""

import argparse
import sys
from pathlib import Path

from leo_bench.errors import LeoBenchError


def command_bench(options: argparse.Namespace) -> None:
    if not find_benchmarks():
        raise LeoBenchError("benchmarks are part of the checkout, not of an installed leo_bench; run this there")
    from benchmarks.run import bench, publish

    if options.publish:
        for folder in publish(options.results, options.reports):
            print(folder)
    else:
        print(f"report: {bench(options.results, options.reports, options.only)}")


def benchmark_pages(results: Path, reports: Path) -> list[Path]:
    """The benchmarks' reports made again from their timings, local and published; none outside a checkout."""
    timed = [name for name in ("bench", "official/bench") if (results / name / "timings.csv").exists()]
    if not timed or not find_benchmarks():
        return []
    from benchmarks.page import write_page

    return [write_page(results / name, reports / name) for name in timed]


def find_benchmarks() -> bool:
    """Whether there is a checkout with benchmarks; they can then be imported."""
    checkout = Path(__file__).resolve().parents[2]
    if not (checkout / "benchmarks").is_dir():
        return False
    if str(checkout) not in sys.path:
        sys.path.insert(0, str(checkout))
    return True
