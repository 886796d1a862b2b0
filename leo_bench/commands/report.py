"""`leo-bench report` and `leo-bench publish`: write reports from records, and copy both to where they are committed."""

import argparse
import re
import sys
from contextlib import ExitStack
from difflib import get_close_matches
from pathlib import Path

from leo_bench.commands.bench import benchmark_pages
from leo_bench.commands.find_study import find_folder, find_study
from leo_bench.commands.given import options_given, refuse_beside
from leo_bench.commands.runs import no_study
from leo_bench.errors import EXIT_FAILED, LeoBenchError
from leo_bench.records import folder_name, load_study
from leo_bench.report import (
    rebuild_all,
    write_comparison,
    write_index,
    write_report,
    write_search_report,
)
from leo_bench.report.readme import refresh_readme
from leo_bench.running.publish import publish, publish_search
from leo_bench.running.study_file import ON_TEST


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
    made, broken = rebuild_all(results, reports)
    if not made and not broken:
        raise no_study(results)
    try:
        made += _findings(results)
    except LeoBenchError as error:  # a published study that is broken, and named already
        broken += [] if str(error) in broken else [str(error)]
    for path in [*made, *benchmark_pages(results, reports)]:
        print(path)
    write_index(reports)
    for message in broken:
        print(f"error: {message}", file=sys.stderr)
    return EXIT_FAILED if broken else 0


def command_publish(options: argparse.Namespace) -> None:
    """Copy a study or search and its report to where they are committed, and print the paths."""
    folder = options.results / folder_name(options.name, options.profile)
    if not folder.is_dir():
        near = get_close_matches(folder.name, [path.name for path in options.results.glob("*-*/")], n=1)
        raise LeoBenchError(
            f"{folder}/ is missing{f'; did you mean {near[0]}?' if near else ''}; run it first, with the profile to "
            f"publish: leo-bench study {options.name} --profile {options.profile}, or leo-bench search"
        )
    is_search = (folder / "search.json").exists()
    copy, write = (publish_search, write_search_report) if is_search else (publish, write_report)
    target = copy(options.results, options.name, options.profile, options.partial, options.replace)
    report = write(target, options.reports / "official" / target.name)
    search = target.with_name(folder_name(options.name.removesuffix(ON_TEST), options.profile))
    if options.name.endswith(ON_TEST) and (search / "search.json").exists():
        write_search_report(search, options.reports / "official" / search.name)  # it shows the choices on test
    write_index(options.reports)
    print(
        f"{target}/, report in {report}"
        if is_search
        else f"{len(load_study(target).done)} runs in {target}/, report in {report}"
    )
    if options.reports.resolve() != REPORTS.resolve():
        return  # the pages of the checkout link to its own reports
    print(f"writing README.md, {FINDINGS} and {CLAIMS} again")
    if refresh_readme(Path("README.md"), report.parent):
        print("updated README.md with its numbers")
    for page in _findings(options.results):
        print(f"updated {page}")


FINDINGS, CLAIMS, REPORTS = Path("docs/findings.md"), Path("docs/claims.md"), Path("reports")
"""Pages of findings from the published studies and of claims, and the reports that they link to, in a checkout."""


def _findings(results: Path) -> list[Path]:
    """Write the pages of findings and of claims again, if results/ is that of the checkout. Returns their paths."""
    if not FINDINGS.exists() or results.resolve() != FINDINGS.resolve().parents[1] / "results":
        return []
    from leo_bench.report.claims.docs import write_claims_docs
    from leo_bench.report.findings import write_findings

    return [write_findings(results, FINDINGS), *filter(None, [write_claims_docs(results, CLAIMS)])]
