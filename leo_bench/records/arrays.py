"""Arrays of a test on disk: correct answers by episode, and by character.

In the store, episodes.npz of a test has all of its arrays. Among published results, the characters that the episodes
ask for are the same in hundreds of tests, so they are kept once, in results/official/episodes/<episodes_digest>.npz.
"""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from leo_bench.config import TestSettings
from leo_bench.errors import LeoBenchError
from leo_bench.records import schema_1
from leo_bench.records.files import read_json, write_atomic
from leo_bench.records.schema import TESTS, TestResult
from leo_bench.records.text import shortened

TEST_REMEDY = "run the study again to score this test again"
SHARED_REMEDY = "take the folder episodes/ along from where the runs were published, or publish the study again"
WHOLE = "iu"
"""Kinds of a numpy array of whole numbers."""
ARRAYS = "episodes.npz"
"""Name of the file of the arrays in the folder of a test."""
EPISODES = "episodes"
"""Folder of what published tests of the same episodes share."""
CORRECT = "correct"
"""Correct answers of n_way * n_query, uint16 [n_test_episodes, len(steps)]."""
CHARACTERS = "characters"
"""Names `Alphabet/character07`, bytes [n_characters]; absent from old runs."""
BY_CHARACTER = "by_character"
"""Queries that show each character, and correct answers to them after adaptation, uint32 [n_characters, 2]; absent
from old runs."""
ASKED = "asked"
"""Left column of BY_CHARACTER, which tests of the same episodes share."""
ANSWERED = "answered"
"""Right column of BY_CHARACTER, in a published test whose other arrays are shared."""


def test_arrays(run: Path, test: TestResult) -> dict[str, np.ndarray]:
    """Return the arrays of one test of a run: CORRECT, and if recorded CHARACTERS and BY_CHARACTER.

    run: folder of the run. Raises LeoBenchError if they are missing or damaged.
    """
    path = run / TESTS / test.test_key / ARRAYS
    if not path.exists() and schema_1.is_old(read_json(run / "result.json")):
        return _old_arrays(run / ARRAYS, test.asked)
    arrays = _read(path)
    if CORRECT not in arrays:
        raise LeoBenchError(f"{path} is damaged (it has no array {CORRECT}); {TEST_REMEDY}")
    if ANSWERED not in arrays:
        return {name: arrays[name] for name in (CORRECT, CHARACTERS, BY_CHARACTER) if name in arrays}
    place = _shared_file(run, test)
    shared, answered = _read(place, SHARED_REMEDY), arrays[ANSWERED]
    counts = [shared.get(ASKED, np.array("")), answered]
    if CHARACTERS not in shared or any(one.dtype.kind not in WHOLE or one.shape != (answered.size,) for one in counts):
        raise LeoBenchError(f"{place} is damaged, or does not fit {path}; {SHARED_REMEDY}")
    by_character = np.stack(counts, axis=1)
    return {CORRECT: arrays[CORRECT], CHARACTERS: shared[CHARACTERS], BY_CHARACTER: by_character}


test_arrays.__test__ = False  # type: ignore[attr-defined]  # not a test


def write_arrays(run: Path, test: TestResult, arrays: Mapping[str, np.ndarray]) -> None:
    """Write all arrays of one test of a run."""
    packed = io.BytesIO()
    np.savez_compressed(packed, **arrays)  # type: ignore[arg-type]
    write_atomic(run / TESTS / test.test_key / ARRAYS, packed.getvalue())


def write_published_arrays(run: Path, test: TestResult, arrays: Mapping[str, np.ndarray]) -> None:
    """Write the arrays of one test of a published run, in half the space.

    What the episodes ask for is written beside the runs, unless it is there. If another test of the same episodes has
    written something else there, this one keeps all of its arrays.
    """
    if BY_CHARACTER in arrays:
        asked, answered = arrays[BY_CHARACTER].T
        shared = {CHARACTERS: arrays[CHARACTERS], ASKED: asked}
        place = _shared_file(run, test)
        try:
            found = _read(place, SHARED_REMEDY)
        except LeoBenchError:  # missing or damaged
            write_atomic(place, _packed(shared))
            found = shared
        if found.keys() == shared.keys() and all(np.array_equal(found[name], shared[name]) for name in shared):
            arrays = {CORRECT: arrays[CORRECT], ANSWERED: answered}
    write_atomic(run / TESTS / test.test_key / ARRAYS, _packed(arrays))


def _shared_file(run: Path, test: TestResult) -> Path:
    """Return the file of what the episodes of a test ask for, among published results."""
    return run.parents[1] / EPISODES / f"{test.episodes_digest}.npz"


def _read(path: Path, remedy: str = TEST_REMEDY) -> dict[str, np.ndarray]:
    """Return the arrays of a file. Raises LeoBenchError if it is missing or damaged."""
    try:
        with np.load(io.BytesIO(path.read_bytes())) as arrays:
            return dict(arrays)
    except Exception as error:  # noqa: BLE001 - a damaged archive can raise nearly anything
        reason = shortened(f"{type(error).__name__}: {error}", 200)
        raise LeoBenchError(f"{path} is missing or damaged ({reason}); {remedy}") from None


def _old_arrays(path: Path, asked: TestSettings) -> dict[str, np.ndarray]:
    """Return the arrays of one test of a run of schema 1, whose tests share one file."""
    arrays, name = _read(path), schema_1.array_name(asked)
    names = {CORRECT: name, CHARACTERS: CHARACTERS, BY_CHARACTER: f"{name}_by_character"}
    if name not in arrays:
        raise LeoBenchError(f"{path} is damaged (it has no array {name}); {TEST_REMEDY}")
    return {name: arrays[stored] for name, stored in names.items() if stored in arrays}


def _packed(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Return an .npz archive with LZMA and arrays in column order, a quarter smaller than that of numpy."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_LZMA) as file:
        for name, array in arrays.items():
            content = io.BytesIO()
            np.save(content, np.asfortranarray(array))
            file.writestr(zipfile.ZipInfo(f"{name}.npy"), content.getvalue(), zipfile.ZIP_LZMA)
    return archive.getvalue()
