"""Reports of studies and searches, made from results/ alone: no torch, no Sacred, no Optuna, no clock.

The same results on the same versions give the same bytes.
"""

from leo_bench.report.comparison.page import write_comparison
from leo_bench.report.pages import write_index
from leo_bench.report.rebuild import NotAllRebuilt, rebuild_all
from leo_bench.report.search.page import write_search_report
from leo_bench.report.study.page import write_report

__all__ = ["NotAllRebuilt", "rebuild_all", "write_comparison", "write_index", "write_report", "write_search_report"]
