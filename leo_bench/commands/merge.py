"""`leo-bench merge`: take runs made on another machine into the store."""

import argparse
import sys
from collections import Counter

from tqdm import tqdm

from leo_bench.errors import EXIT_FAILED, LeoBenchError
from leo_bench.records import RUNS
from leo_bench.running.merge import merge_run, run_folders


def command_merge(options: argparse.Namespace) -> int:
    """Take the runs in a folder into the store, and print what became of them. Returns the exit code."""
    store = options.results / RUNS
    found = run_folders(options.folder)
    if store.exists() and any(folder.resolve().parent == store.resolve() for folder in found):
        raise LeoBenchError(
            f"{options.folder} is the store of {options.results}/ itself; name the folder of another machine"
        )
    counts: Counter[str] = Counter()
    for folder in tqdm(found, unit="run", disable=not sys.stderr.isatty(), leave=False):
        merged = merge_run(folder, store)
        counts[merged.outcome] += 1
        if merged.message:
            tqdm.write(f"{merged.run_key} {merged.outcome}: {merged.message}", file=sys.stderr)
    words = {"taken": "taken", "same": "there already", "empty": "without a result", "differs": "differ",
             "damaged": "damaged", "held": "being done here"}  # fmt: skip
    said = ", ".join(f"{counts[name]} {word}" for name, word in words.items() if counts[name])
    print(f"{len(found)} run{'s' * (len(found) != 1)}: {said}")
    return EXIT_FAILED if counts["differs"] + counts["damaged"] + counts["held"] else 0
