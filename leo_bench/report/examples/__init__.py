"""Page of a run's example episodes: drawings, answers, and where the codes go. From arrays to files, without torch.

Made on demand; never published, since it shows the drawings of the data.
"""

from leo_bench.report.examples.page import write_example_page

__all__ = ["write_example_page"]
