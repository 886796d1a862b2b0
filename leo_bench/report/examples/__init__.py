"""Page of a run's example episodes, made on demand and never published: it shows the drawings of the data."""

from leo_bench.report.examples.page import write_example_page

__all__ = ["write_example_page"]
