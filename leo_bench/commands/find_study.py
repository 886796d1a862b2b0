"""Finds the folder of a study from its name, its path, or either at a commit."""

import io
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from leo_bench.errors import LeoBenchError, did_you_mean
from leo_bench.records import RUNS, Plan, find_studies, read_record
from leo_bench.records.arrays import EPISODES
from leo_bench.records.search import find_searches
from leo_bench.running.provenance import git


@contextmanager
def find_study(text: str, results: Path) -> Iterator[tuple[str, Path]]:
    """Yield (name to show, folder) of `ablations-cpu`, `official/ablations-cpu`, a folder, or `official/NAME@COMMIT`.

    COMMIT is any name that git knows. The committed study is read from a temporary folder, removed at the end. Raises
    LeoBenchError with the nearest name if there is no such study.
    """
    for folder in (Path(text), results / text):
        if (folder / "study.json").is_file():
            yield _shown(folder, results), folder
            return
    name, at, commit = text.rpartition("@")
    if not at:
        raise LeoBenchError(_unknown(text, results, find_studies(results)))
    with tempfile.TemporaryDirectory() as temporary:
        _checkout(name, commit, results, Path(temporary))
        yield text, Path(temporary) / name


def _shown(folder: Path, results: Path) -> str:
    """Return a name without this machine's folders."""
    if folder.resolve().is_relative_to(results.resolve()):
        return folder.resolve().relative_to(results.resolve()).as_posix()
    parent = folder.resolve().parent.name
    return f"{parent}/{folder.resolve().name}" if parent == "official" else folder.resolve().name


def find_folder(name: Path, results: Path) -> Path:
    """Return the folder of a study or search that is named without that of the results, such as `ablations-cpu`.

    Raises LeoBenchError with the nearest name if there is none.
    """
    folders = [*find_studies(results), *find_searches(results)]
    if results / name not in folders:
        raise LeoBenchError(_unknown(str(name), results, folders, "study or search"))
    return results / name


def _unknown(text: str, results: Path, folders: Sequence[Path], what: str = "study") -> str:
    names = [folder.relative_to(results).as_posix() for folder in folders]
    hint = did_you_mean(text, names) if names else "there is none; run one first: make ablations"
    return f"no {what} {text!r} in {results}/, and no folder of one; {hint}"


def _checkout(name: str, commit: str, results: Path, target: Path) -> None:
    """Write the study's files as committed below target, with its runs and what their tests share."""
    try:
        _extract([name], commit, results, target)
        plan = read_record(target / name / "study.json", Plan)
        store = Path(name).parent
        keys = {run.run_key for run in plan.runs} & _names(store / RUNS, commit, results)
        shared = [store / EPISODES] if _names(store / EPISODES, commit, results) else []
        if parts := [*(store / RUNS / key for key in sorted(keys)), *shared]:
            _extract(list(map(str, parts)), commit, results, target)
    except FileNotFoundError:
        raise LeoBenchError(f"{name}@{commit} needs git and the folder {results}/ in a checkout") from None
    except subprocess.CalledProcessError as error:
        reason = (error.stderr.decode(errors="replace").strip().splitlines() or ["no message"])[-1]
        raise LeoBenchError(
            f"no study {name!r} at commit {commit!r} ({reason}); "
            f"git log -- {results}/{name} lists the commits that have it"
        ) from None


def _names(folder: Path, commit: str, results: Path) -> set[str]:
    """Return the names in a folder as committed; none if there is no such folder."""
    found = git(results, "ls-tree", "--name-only", "-z", commit, f"{folder}/").decode()
    return {Path(path).name for path in found.split("\0") if path}


def _extract(paths: list[str], commit: str, results: Path, target: Path) -> None:
    """Write these files and folders as committed below target."""
    archive = git(results, "archive", "--format=tar", commit, "--", *paths)
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(target, filter="data")
