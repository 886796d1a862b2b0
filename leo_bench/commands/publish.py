"""`leo-bench publish`: copy a study or search and its report to where they are committed."""

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path

from leo_bench.commands.report import CLAIMS, FINDINGS, write_findings_pages
from leo_bench.errors import LeoBenchError, nearest
from leo_bench.records import folder_name, load_study
from leo_bench.records.search import search_of
from leo_bench.report import write_index, write_report, write_search_report
from leo_bench.report.readme import refresh_readme
from leo_bench.running.count_looks import count_look, forget, n_looks, published
from leo_bench.running.publish import publish
from leo_bench.running.publish_search import publish_search
from leo_bench.statistics.studies.owners import studies_that_read
from leo_bench.statistics.studies.study import Studies

REPORTS = Path("reports")
"""Reports that the pages of the checkout link to."""


def command_publish(options: argparse.Namespace) -> None:
    """Copy studies or searches and their reports to where they are committed, and print the paths.

    Studies that are published together are one look at the claims on them.
    """
    folders = {name: _folder_of(name, options) for name in options.names}
    targets = {name: options.results / "official" / folder.name for name, folder in folders.items()}
    before = {target: published(target) for target in targets.values()}
    changed: dict[str, set[str]] = {}
    readers: list[Path] = []
    try:
        for name, target in targets.items():
            is_search = (folders[name] / "search.json").exists()
            readers += _readers(target)
            copy = publish_search if is_search else publish
            copy(options.results, name, options.profile, options.partial, options.replace)
            readers += _readers(target)
            ended = {} if is_search else load_study(target).ended
            changed[name] = {variant for (variant, _), _ in ended.items() - before[target].ended.items()}
    finally:  # what was copied before another was refused has its report too
        if changed:
            copied = [targets[name] for name in changed]
            for reader in dict.fromkeys(readers):
                if reader not in copied or n_looks(reader) == before[reader].n_looks:
                    count_look(reader, options.profile, changed)
            for target in copied:
                forget(target)
            _write_pages(options, copied, readers)


def _folder_of(name: str, options: argparse.Namespace) -> Path:
    """Return the folder of a study or search in the results. Raises LeoBenchError if it is missing."""
    folder: Path = options.results / folder_name(name, options.profile)
    if not folder.is_dir():
        near = nearest(folder.name, (path.name for path in options.results.glob("*-*/")))
        raise LeoBenchError(
            f"{folder}/ is missing{f'; did you mean {near!r}?' if near else ''}; run it first, with the profile to "
            f"publish: leo-bench study {name} --profile {options.profile}, or leo-bench search"
        )
    return folder


def _write_pages(options: argparse.Namespace, targets: Sequence[Path], readers: Iterable[Path]) -> None:
    """Write the reports of what was published and of what reads it, and the pages that show their numbers."""
    studies = Studies()
    for folder in dict.fromkeys([*targets, *readers]):
        is_search = (folder / "search.json").exists()
        write = write_search_report if is_search else write_report
        report = write(folder, options.reports / "official" / folder.name, studies)
        if folder not in targets:
            print(f"updated {report}", flush=True)
        else:
            what = "" if is_search else f"{len(load_study(folder).done)} runs in "
            print(f"{what}{folder}/, report in {report}", flush=True)
    write_index(options.reports)
    if options.reports.resolve() != REPORTS.resolve():
        return  # the pages of the checkout link to its own reports
    print(f"writing README.md, {FINDINGS} and {CLAIMS} again")
    if any([refresh_readme(Path("README.md"), options.reports / "official" / target.name) for target in targets]):
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
