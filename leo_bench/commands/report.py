"""`leo-bench report` and `leo-bench publish`: write reports from records, and copy both to where they are committed."""

import argparse
from pathlib import Path

from leo_bench.commands.bench import benchmark_pages
from leo_bench.commands.runs import no_study
from leo_bench.errors import LeoBenchError
from leo_bench.records import folder_name, load_study
from leo_bench.report import rebuild_all, write_comparison, write_index, write_report, write_search_report
from leo_bench.report.readme import refresh_readme
from leo_bench.running.publish import publish, publish_search


def command_report(options: argparse.Namespace) -> None:
    """Write the report of one study, of all, or of a comparison, and print the paths."""
    if options.compare:
        if options.study is not None:
            raise LeoBenchError(f"--compare takes exactly two studies; leave out the third, {options.study}")
        print("\n".join(write_comparison(tuple(options.compare), options.results, options.reports, options.out)))
        write_index(options.reports)
        return
    if options.study is None:
        if options.out:
            raise LeoBenchError(
                "--out needs the folder of one study or search; name it, such as results/ablations-quick"
            )
        made = rebuild_all(options.results, options.reports)
        if not made:
            raise no_study(options.results)
        made += _findings(options.results)
        for path in [*made, *benchmark_pages(options.results, options.reports)]:
            print(path)
        write_index(options.reports)
        return
    write = write_search_report if (options.study / "search.json").exists() else write_report
    print(write(options.study, options.out or options.reports / options.study.name))
    write_index(options.reports)


def command_publish(options: argparse.Namespace) -> None:
    """Copy a study or search and its report to where they are committed, and print the paths."""
    is_search = (options.results / folder_name(options.name, options.profile) / "search.json").exists()
    copy, write = (publish_search, write_search_report) if is_search else (publish, write_report)
    target = copy(options.results, options.name, options.profile, options.partial, options.replace)
    report = write(target, options.reports / "official" / target.name)
    write_index(options.reports)
    print(
        f"{target}/, report in {report}"
        if is_search
        else f"{len(load_study(target).done)} runs in {target}/, report in {report}"
    )
    if refresh_readme(Path("README.md"), report.parent):
        print("updated README.md with its numbers")
    for page in _findings(options.results):
        print(f"updated {page}")


FINDINGS = Path("docs/findings.md")
"""Page of findings from the published studies, in a checkout."""


def _findings(results: Path) -> list[Path]:
    """Write the page of findings again, if results/ is that of the checkout. Returns its path, or an empty list."""
    if not FINDINGS.exists() or results.resolve() != FINDINGS.resolve().parents[1] / "results":
        return []
    from leo_bench.report.findings import write_findings

    return [write_findings(results, FINDINGS)]
