"""`leo-bench report`: write reports from records."""

import argparse
import re
import sys
from contextlib import ExitStack
from pathlib import Path

from leo_bench.commands.bench import timed_benchmarks, write_benchmark_page
from leo_bench.commands.find_study import find_folder, find_study
from leo_bench.commands.given import options_given, refuse_beside
from leo_bench.commands.runs import no_study
from leo_bench.errors import EXIT_FAILED, LeoBenchError
from leo_bench.report import (
    rebuild_all,
    write_comparison,
    write_index,
    write_report,
    write_search_report,
)
from leo_bench.statistics.studies.study import Studies


def command_report(options: argparse.Namespace) -> int:
    """Write the report of one study, of all, or of a comparison, and print the paths. Returns the exit code."""
    if options.compare:
        if options.study is not None:
            raise LeoBenchError(f"--compare takes exactly two studies; leave out the third, {options.study}")
        _compare(options)
        return 0
    if options.study is None:
        if options.out:
            raise LeoBenchError(
                "--out needs the folder of one study or search; name it, such as results/ablations-quick"
            )
        return _report_all(options.results, options.reports)
    folder = options.study
    if folder.exists():
        refuse_beside("the folder of a study", "has its own records", options_given(options, "results"))
    else:
        folder = find_folder(folder, options.results)
    write = write_search_report if (folder / "search.json").exists() else write_report
    print(write(folder, options.out or options.reports / folder.resolve().name))
    write_index(options.reports)
    return 0


def _compare(options: argparse.Namespace) -> None:
    """Write reports/compare-A-vs-B/, or what --out names, and print what it says."""
    first, second = options.compare
    with ExitStack() as stack:  # a study at a commit is there only inside
        (name_a, a), (name_b, b) = (stack.enter_context(find_study(text, options.results)) for text in (first, second))
        if a.resolve() == b.resolve():
            raise LeoBenchError(f"{first} and {second} are the same study; name two, or one at two commits")
        slugs = [re.sub(r"[^\w.]+", "-", name) for name in (name_a, name_b)]
        target = options.out or options.reports / f"compare-{slugs[0]}-vs-{slugs[1]}"
        print("\n".join(write_comparison((name_a, name_b), (a, b), target)))
    write_index(options.reports)


def _report_all(results: Path, reports: Path) -> int:
    """Write all reports. Print their paths, and a line for each folder that cannot be read. Returns the exit code."""
    studies = Studies()
    made, broken = rebuild_all(results, reports, studies)
    if not made and not broken:
        raise no_study(results)
    try:
        made += write_findings_pages(results, studies)
    except LeoBenchError as error:  # a published study that is broken, and named already
        broken += [] if str(error) in broken else [str(error)]
    made += [write_benchmark_page(results / name, reports / name) for name in timed_benchmarks(results)]
    for path in made:
        print(path)
    write_index(reports)
    for message in broken:
        print(f"error: {message}", file=sys.stderr)
    return EXIT_FAILED if broken else 0


FINDINGS, CLAIMS = Path("docs/findings.md"), Path("docs/claims.md")
"""Pages of findings from the published studies and of claims, in a checkout."""


def write_findings_pages(results: Path, studies: Studies) -> list[Path]:
    """Write the pages of findings and of claims again, if results/ is that of the checkout. Returns their paths."""
    if not FINDINGS.exists() or results.resolve() != FINDINGS.resolve().parents[1] / "results":
        return []
    from leo_bench.report.claims.docs import write_claims_docs
    from leo_bench.report.findings import write_findings

    return [write_findings(results, FINDINGS, studies), *filter(None, [write_claims_docs(results, CLAIMS, studies)])]
