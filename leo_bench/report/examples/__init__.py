"""The page of a run's example episodes: drawings, answers, and where the codes go. From arrays to files, without torch.

Made on demand (leo_bench/examples.py); never published, since it shows the data's drawings.
"""

from leo_bench.report.examples.episode import Example
from leo_bench.report.examples.page import write_example_page

__all__ = ["Example", "write_example_page"]
