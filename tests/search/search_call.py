"""One call of a small search over a Ray cluster, as a process of its own.

Arguments: results folder, address of the cluster. The database is that of LEO_BENCH_STORAGE.
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from small_search import small_plan

from leo_bench.running.cluster import connected
from leo_bench.search.runner import SearchRunner
from leo_bench.search.worker import URL

TINY = (sys.executable, str(Path(__file__).with_name("tiny_trial.py")))
N_TRIALS = 12

if __name__ == "__main__":
    results = Path(sys.argv[1])
    with connected(sys.argv[2], results, jobs=3, collect=True) as executor:
        SearchRunner(
            *(small_plan(n_trials=N_TRIALS), results / "small-smoke", os.environ[URL], executor, None, print),
            heartbeat=2,
            grace=60,
            worker=TINY,
        ).run()
