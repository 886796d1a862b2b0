"""The process of a run, with a training checkpoint every second, so that short trainings are resumed too."""

import sys

from leo_bench.running import training_checkpoint, worker

training_checkpoint.SECONDS_BETWEEN, training_checkpoint.SHARE = 1.0, 0.5

if __name__ == "__main__":
    sys.exit(worker.main())
