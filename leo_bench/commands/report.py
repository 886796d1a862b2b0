"""`leo-bench report` and `leo-bench publish`: from records to pages, here and committed."""

import argparse
from pathlib import Path

from leo_bench.commands.bench import benchmark_pages
from leo_bench.errors import LeoBenchError
from leo_bench.records import load_study
from leo_bench.report import rebuild_all, write_comparison, write_index, write_report, write_search_report
from leo_bench.report.readme import refresh_readme
from leo_bench.running.publish import publish, publish_search


def command_report(options: argparse.Namespace) -> None:
    if options.compare:
        if options.study is not None:
            raise LeoBenchError(f"--compare takes two studies; leave out {options.study}")
        print("\n".join(write_comparison(tuple(options.compare), options.results, options.reports, options.out)))
        write_index(options.reports)
        return
    if options.study is None:
        if options.out:
            raise LeoBenchError("--out goes with one study's or search's folder; name it")
        made = rebuild_all(options.results, options.reports)
        if not made:
            raise LeoBenchError(f"no study in {options.results}/; run one first: make ablations")
        made += _findings(options.results)
        for path in [*made, *benchmark_pages(options.results, options.reports)]:
            print(path)
        write_index(options.reports)
        return
    write = write_search_report if (options.study / "search.json").exists() else write_report
    print(write(options.study, options.out or options.reports / options.study.name))
    write_index(options.reports)


def command_publish(options: argparse.Namespace) -> None:
    if (options.results / f"{options.name}-{options.profile}" / "search.json").exists():
        target = publish_search(options.results, options.name, options.profile, options.partial)
        page = write_search_report(target, options.reports / "official" / target.name)
        write_index(options.reports)
        print(f"{target}/, report in {page}")
        if refresh_readme(Path("README.md"), page.parent):
            print("README.md shows its numbers")
        for findings in _findings(options.results):
            print(f"findings: {findings}")
        return
    target = publish(options.results, options.name, options.profile, options.partial)
    report = write_report(target, options.reports / "official" / target.name)
    write_index(options.reports)
    print(f"{len(load_study(target).done)} runs in {target}/, report in {report}")
    if refresh_readme(Path("README.md"), report.parent):
        print("README.md shows its numbers")
    for findings in _findings(options.results):
        print(f"findings: {findings}")


FINDINGS = Path("docs/findings.md")
"""Page of findings of the published studies and searches, in a checkout."""


def _findings(results: Path) -> list[Path]:
    """Make the page of findings again and return it, if results are those of the checkout that has the page."""
    if not FINDINGS.exists() or results.resolve() != FINDINGS.resolve().parents[1] / "results":
        return []
    from leo_bench.report.findings import write_findings

    return [write_findings(results, FINDINGS)]
