"""Reports of studies and searches, made from results/ alone: no torch, no Sacred, no Optuna, no clock.

The same results on the same versions give the same bytes.
"""

from pathlib import Path

from leo_bench.errors import LeoBenchError
from leo_bench.records import find_studies
from leo_bench.records.search import find_searches
from leo_bench.report.claims.page import write_claims_report
from leo_bench.report.comparison.page import write_comparison
from leo_bench.report.pages import write_index
from leo_bench.report.search.page import write_search_report
from leo_bench.report.study.page import write_study_report
from leo_bench.statistics.studies.study import Studies

__all__ = ["rebuild_all", "write_comparison", "write_index", "write_report", "write_search_report"]


def write_report(study_folder: Path, out_folder: Path, studies: Studies | None = None) -> Path:
    """Write the report of results/<study>-<profile>/ into out_folder. Returns the path of report.html.

    studies: those that reports made before have read. An incomplete study is reported as far as it is; broken runs are
    named. Raises LeoBenchError if study.json is missing or broken.
    """
    data = (studies or Studies()).load(study_folder)
    write = write_claims_report if data.plan.claims else write_study_report
    return write(data, out_folder)


def rebuild_all(results: Path, reports: Path, studies: Studies | None = None) -> tuple[list[Path], list[str]]:
    """Write the reports of all studies and searches under results/ and results/official/, and the index.

    Returns the pages, and a message for each folder that cannot be read; it does not stop the others.
    """
    written, broken, known = [], [], studies or Studies()
    for write, folders in ((write_report, find_studies(results)), (write_search_report, find_searches(results))):
        for folder in folders:
            try:
                written.append(write(folder, reports / folder.relative_to(results), known))
            except LeoBenchError as error:
                broken.append(str(error))
    write_index(reports)
    return written, broken
