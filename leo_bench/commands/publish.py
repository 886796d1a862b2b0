"""`leo-bench publish`: copy a study or search and its report to where they are committed."""

import argparse
from pathlib import Path

from leo_bench.commands.report import CLAIMS, FINDINGS, write_findings_pages
from leo_bench.errors import LeoBenchError, nearest
from leo_bench.records import folder_name, load_study
from leo_bench.records.search import search_of
from leo_bench.report import write_index, write_report, write_search_report
from leo_bench.report.readme import refresh_readme
from leo_bench.running.publish import count_look, publish, publish_search, published_ends
from leo_bench.statistics.studies.owners import studies_that_read
from leo_bench.statistics.studies.study import Studies

REPORTS = Path("reports")
"""Reports that the pages of the checkout link to."""


def command_publish(options: argparse.Namespace) -> None:
    """Copy a study or search and its report to where they are committed, and print the paths."""
    folder = options.results / folder_name(options.name, options.profile)
    if not folder.is_dir():
        near = nearest(folder.name, (path.name for path in options.results.glob("*-*/")))
        raise LeoBenchError(
            f"{folder}/ is missing{f'; did you mean {near!r}?' if near else ''}; run it first, with the profile to "
            f"publish: leo-bench study {options.name} --profile {options.profile}, or leo-bench search"
        )
    is_search = (folder / "search.json").exists()
    copy, write = (publish_search, write_search_report) if is_search else (publish, write_report)
    target = options.results / "official" / folder.name
    readers, before = _readers(target), {} if is_search else published_ends(target)
    copy(options.results, options.name, options.profile, options.partial, options.replace)
    readers = list(dict.fromkeys([*readers, *_readers(target)]))
    new = set() if is_search else {run[0] for run, _ in published_ends(target).items() - before.items()}
    for reader in readers:
        count_look(reader, options.name, options.profile, new)
    studies = Studies()
    report = write(target, options.reports / "official" / target.name, studies)
    print(
        f"{target}/, report in {report}"
        if is_search
        else f"{len(load_study(target).done)} runs in {target}/, report in {report}"
    )
    for reader in readers:
        write = write_search_report if (reader / "search.json").exists() else write_report
        print(f"updated {write(reader, options.reports / 'official' / reader.name, studies)}", flush=True)
    write_index(options.reports)
    if options.reports.resolve() != REPORTS.resolve():
        return  # the pages of the checkout link to its own reports
    print(f"writing README.md, {FINDINGS} and {CLAIMS} again")
    if refresh_readme(Path("README.md"), report.parent):
        print("updated README.md with its numbers")
    for page in write_findings_pages(options.results, studies):
        print(f"updated {page}")


def _readers(target: Path) -> list[Path]:
    """Return the published studies and searches whose reports show records of a published one: the studies that judge
    claims or leave comparisons to it, and the search whose choices it measures on test."""
    if not (target / "study.json").exists():
        return []
    search = search_of(target)
    searches = [target.with_name(folder_name(search.search, search.profile))] if search else []
    return [*studies_that_read(target), *searches]
