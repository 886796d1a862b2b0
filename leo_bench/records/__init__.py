"""The schema of results/: what a run leaves on disk, when it counts as done, and the tables made from it.

    results/runs/<run_key>/settings.json     the run's settings, written when it is first planned
                           attempt-<n>/      log.txt, status.json and Sacred's record of each attempt; pruned.json
                                             where a search ended it
                           result.json       written last and whole: the run is done when it is there and valid
                           episodes.npz      correct answers of each test, by episode (before and after each inner
                                             step) and by character (after the last)
                           checkpoint.safetensors
    results/<study>-<profile>/study.json     the plan: every run expected, with variant, seed and key
                              runs.csv       one row per done run: its headline test
                              scores.csv     one row per done run and test

A published study holds its runs itself: results/official/<study>-<profile>/runs/<run_key>/.
This package knows neither torch nor Sacred nor pandas' users: files in, values out.
"""

from leo_bench.records.files import (
    make_folder,
    read_record,
    read_settings,
    without_paths,
    write_atomic,
    write_record,
    write_settings,
)
from leo_bench.records.schema import (
    BY_CHARACTER,
    CHARACTERS,
    RUN_KEY,
    RUNS,
    AttemptStatus,
    CurvePoint,
    Plan,
    PlannedRun,
    PrunedRun,
    Record,
    RecordT,
    Result,
    Status,
    TestScore,
    ValidationPoint,
)
from leo_bench.records.state import (
    RunState,
    attempts_of,
    check_result,
    is_held,
    run_state,
)
from leo_bench.records.view import (
    SCORE_COLUMNS,
    ReadRun,
    StudyView,
    find_studies,
    load_study,
    score_row,
    write_tables,
)

__all__ = [
    "BY_CHARACTER",
    "CHARACTERS",
    "RUNS",
    "RUN_KEY",
    "SCORE_COLUMNS",
    "AttemptStatus",
    "CurvePoint",
    "Plan",
    "PlannedRun",
    "PrunedRun",
    "ReadRun",
    "Record",
    "RecordT",
    "Result",
    "RunState",
    "Status",
    "StudyView",
    "TestScore",
    "ValidationPoint",
    "attempts_of",
    "check_result",
    "find_studies",
    "is_held",
    "load_study",
    "make_folder",
    "read_record",
    "read_settings",
    "run_state",
    "score_row",
    "without_paths",
    "write_atomic",
    "write_record",
    "write_settings",
    "write_tables",
]
