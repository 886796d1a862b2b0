"""Records in results/: files of a run, the rule for when a run is done, and the tables made from runs.

    results/runs/<run_key>/settings.json     settings of the run when it was trained
                           attempt-<n>/      log.txt, status.json and the Sacred record of one attempt to train or
                                             score; pruned.json if a search pruned the run
                           training.safetensors  the state of a training that has not ended
                           checkpoint.safetensors
                           result.json       the training, written last and atomically: a valid file means trained
                           measures.json     measures of the trained model (leo-bench measure)
                           tests/<test_key>/episodes.npz  correct answers by episode (at each scored inner step) and
                                                          by character (after the last step)
                                            result.json   one test of the trained model, written last
    results/<study>-<profile>/study.json     the plan: every run with its variant, seed and key
                              runs.csv       one row per done run: the headline test
                              scores.csv     one row per done run and test

study.json and the settings.json of published runs leave out settings that are at their default; the record of a
published test leaves out what that of its run says too, such as the machine (test_files.py).
Learning curves and validations are tables in the files: `{"columns": [...], "rows": [[...], ...]}` (files.py).
A planned run is done if its training and all its tests are done. Published studies share results/official/runs/; what
the test episodes ask for is in results/official/episodes/ (arrays.py).
This package imports neither torch nor Sacred.
"""

from leo_bench.records.arrays import (
    BY_CHARACTER,
    CHARACTERS,
    CORRECT,
    read_arrays,
    write_arrays,
)
from leo_bench.records.files import (
    copy_settings,
    make_folder,
    read_json,
    read_record,
    read_settings,
    write_atomic,
    write_record,
    write_settings,
)
from leo_bench.records.measures import MEASURES, Measure, Measures, read_measures
from leo_bench.records.names import Name, ProfileName, check_name, folder_name
from leo_bench.records.schema import (
    LOCK,
    LOCK_SECONDS,
    RUN_KEY,
    RUNS,
    TESTS,
    AdaptationRecord,
    AttemptStatus,
    CurvePoint,
    Plan,
    PlannedRun,
    PrunedRun,
    Record,
    RecordT,
    Result,
    Status,
    TestResult,
    ValidationPoint,
)
from leo_bench.records.state import RunState, attempts_of, is_held, read_test, read_training, run_state, tests_of
from leo_bench.records.test_files import complete_tests, copy_test, publish_test, read_test_record
from leo_bench.records.text import listed, markdown_text, shortened, signed, without_paths
from leo_bench.records.view import (
    SCORE_COLUMNS,
    ReadRun,
    StudyView,
    find_studies,
    load_study,
    score_row,
    store_of,
    write_tables,
)

__all__ = [
    "BY_CHARACTER",
    "CHARACTERS",
    "CORRECT",
    "LOCK",
    "LOCK_SECONDS",
    "MEASURES",
    "RUNS",
    "RUN_KEY",
    "SCORE_COLUMNS",
    "TESTS",
    "AdaptationRecord",
    "AttemptStatus",
    "CurvePoint",
    "Measure",
    "Measures",
    "Name",
    "Plan",
    "PlannedRun",
    "ProfileName",
    "PrunedRun",
    "ReadRun",
    "Record",
    "RecordT",
    "Result",
    "RunState",
    "Status",
    "StudyView",
    "TestResult",
    "ValidationPoint",
    "attempts_of",
    "check_name",
    "complete_tests",
    "copy_settings",
    "copy_test",
    "find_studies",
    "folder_name",
    "is_held",
    "listed",
    "load_study",
    "make_folder",
    "markdown_text",
    "publish_test",
    "read_arrays",
    "read_json",
    "read_measures",
    "read_record",
    "read_settings",
    "read_test",
    "read_test_record",
    "read_training",
    "run_state",
    "score_row",
    "shortened",
    "signed",
    "store_of",
    "tests_of",
    "without_paths",
    "write_arrays",
    "write_atomic",
    "write_record",
    "write_settings",
    "write_tables",
]
