"""Arrays of a test on disk: correct answers by episode, and by character.

In the store, episodes.npz of a test has all of its arrays. Among published results, the characters that the episodes
ask for are the same in hundreds of tests, so they are kept once, in results/official/episodes/<episodes_digest>.npz;
and small numbers are written for large ones: what a step changes, and the wrong answers to each character.
"""

import io
import zipfile
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np

from leo_bench.config import TestSettings
from leo_bench.errors import LeoBenchError
from leo_bench.records import schema_1
from leo_bench.records.files import file_state, read_json, write_atomic
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
MISSED = "missed"
"""ASKED less the right column of BY_CHARACTER, in a published test whose other arrays are shared."""
ANSWERED = "answered"
"""Right column of BY_CHARACTER, in place of MISSED in a test that an older version published."""
CHANGES = "changes"
"""CORRECT of a published test: the first column, then what each step changes, signed."""


def read_arrays(run: Path, test: TestResult) -> dict[str, np.ndarray]:
    """Return the arrays of one test of a run: CORRECT, and if recorded CHARACTERS and BY_CHARACTER.

    run: folder of the run. Raises LeoBenchError if they are missing or damaged.
    """
    path = run / TESTS / test.test_key / ARRAYS
    if not path.exists() and schema_1.is_old(read_json(run / "result.json")):
        return _old_arrays(run / ARRAYS, test.asked)
    arrays = _read(path)
    if CHANGES in arrays:
        arrays[CORRECT] = _summed(arrays[CHANGES])
    if CORRECT not in arrays:
        raise LeoBenchError(f"{path} is damaged (it has no array {CORRECT}); {TEST_REMEDY}")
    own = next((name for name in (MISSED, ANSWERED) if name in arrays), None)
    if own is None:
        return {name: arrays[name] for name in (CORRECT, CHARACTERS, BY_CHARACTER) if name in arrays}
    counts = arrays[own]
    if counts.dtype.kind not in WHOLE or counts.ndim != 1:
        raise LeoBenchError(f"{path} is damaged ({own} has no count for each character); {TEST_REMEDY}")
    place = _shared_file(run, test)
    shared = _read_shared(place)
    asked = shared.get(ASKED, np.array(""))
    if CHARACTERS not in shared or asked.dtype.kind not in WHOLE or asked.shape != counts.shape:
        raise LeoBenchError(f"{place} is damaged, or does not fit {path}; {SHARED_REMEDY}")
    if (counts < 0).any() or (counts > asked).any():
        raise LeoBenchError(f"{path} is damaged, or does not fit {place} ({own} is not within {ASKED}); {TEST_REMEDY}")
    answered = counts if own == ANSWERED else asked - counts.astype(asked.dtype)
    return {CORRECT: arrays[CORRECT], CHARACTERS: shared[CHARACTERS], BY_CHARACTER: np.stack([asked, answered], axis=1)}


def write_arrays(run: Path, test: TestResult, arrays: Mapping[str, np.ndarray]) -> None:
    """Write all arrays of one test of a run."""
    packed = io.BytesIO()
    np.savez_compressed(packed, **arrays)  # type: ignore[arg-type]
    write_atomic(run / TESTS / test.test_key / ARRAYS, packed.getvalue())


def write_published_arrays(run: Path, test: TestResult, arrays: Mapping[str, np.ndarray]) -> None:
    """Write the arrays of one test of a published run, in a third to a half of the space.

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
            arrays = {CORRECT: arrays[CORRECT], MISSED: _smallest(asked.astype(np.int64) - answered)}
    changes = _smallest(np.diff(arrays[CORRECT].astype(np.int64), axis=1, prepend=0))
    others = {name: array for name, array in arrays.items() if name != CORRECT}
    write_atomic(run / TESTS / test.test_key / ARRAYS, _packed({CHANGES: changes, **others}))


def _summed(changes: np.ndarray) -> np.ndarray:
    """Return CORRECT from CHANGES; what cannot be changes of counts comes back for the checks of CORRECT to name."""
    if changes.ndim != 2 or changes.dtype.kind not in WHOLE:
        return changes
    sums = changes.astype(np.int64).cumsum(axis=1)
    return sums.astype(np.uint16) if (sums == sums.astype(np.uint16)).all() else sums


def _smallest(counts: np.ndarray) -> np.ndarray:
    """Return int64 counts in the smallest signed type that holds them."""
    return counts.astype(np.min_scalar_type(-1 - int(np.abs(counts).max(initial=0))))


def _shared_file(run: Path, test: TestResult) -> Path:
    """Return the file of what the episodes of a test ask for, among published results."""
    return run.parents[1] / EPISODES / f"{test.episodes_digest}.npz"


def _read(path: Path, remedy: str = TEST_REMEDY) -> dict[str, np.ndarray]:
    """Return the arrays of a file. Raises LeoBenchError if it is missing or damaged."""
    try:
        with np.load(io.BytesIO(path.read_bytes())) as arrays:
            found = dict(arrays)
        for name, array in found.items():
            if not isinstance(array, np.ndarray):  # numpy returns a member without its mark as bytes
                raise ValueError(f"{name} is no array")
        return found
    except Exception as error:  # noqa: BLE001 - a damaged archive can raise nearly anything
        reason = shortened(f"{type(error).__name__}: {error}", 200)
        raise LeoBenchError(f"{path} is missing or damaged ({reason}); {remedy}") from None


def _read_shared(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of a file that hundreds of tests share. It is read once, and again if it has changed."""
    return _read_once(path, file_state(path))


@lru_cache(maxsize=256)
def _read_once(path: Path, _state: tuple[int, ...]) -> dict[str, np.ndarray]:
    arrays = _read(path, SHARED_REMEDY)
    for array in arrays.values():
        array.flags.writeable = False  # as others get them too
    return arrays


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
