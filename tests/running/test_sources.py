"""The source of an earlier commit does a run again; if it cannot be had, the reason is said."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from leo_bench.config import make_settings
from leo_bench.errors import LeoBenchError
from leo_bench.running import provenance, sources
from leo_bench.running.local_processes import LocalProcesses
from leo_bench.running.numerics import numerics_digest
from leo_bench.running.sources import AT_COMMIT, Sources
from leo_bench.running.worker import WORKER

SETTINGS = make_settings({"learner": "pixels", "n_train_episodes": 0, "latent_dim": 77, "dataset": "glyphs"})
EARLY = {
    "__init__.py": "",
    "provenance.py": "def numerics_digest():\n    return 'aaaabbbbcccc'\n",
    "config.py": (
        "class Settings:\n    model_fields = {'learner', 'latent_dim', 'seed'}\n"
        "def make_settings(values):\n    return dict(values)\n"
    ),
    "experiment.py": (
        "import json\ndef execute(folder, settings, data):\n"
        "    (folder / 'did.json').write_text(json.dumps([settings, str(data)]))\n"
    ),
}
"""A package laid out as the first one was: one digest for all learners, one level of modules."""
LATER = {
    "__init__.py": "",
    "config.py": EARLY["config.py"],
    "running/__init__.py": "",
    "running/numerics.py": "def numerics_digest(learner, dataset):\n    return f'{learner}-{dataset}'\n",
    "running/experiment.py": EARLY["experiment.py"],
}


def package(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / "leo_bench" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    done = subprocess.run(["git", "-C", str(folder), *who, *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the commit of an early source in a repository that stands in for ours; today's is another."""
    root = package(tmp_path / "repository", EARLY)
    git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "commit", "-qm", "early")
    (root / "leo_bench" / "provenance.py").write_text("today")
    monkeypatch.setattr(provenance, "PACKAGE", root / "leo_bench")
    return git(root, "rev-parse", "--short=12", "HEAD")


def test_a_record_of_this_source_is_done_by_this_source(tmp_path: Path) -> None:
    own = numerics_digest("pixels", "glyphs")
    source = Sources(tmp_path).of_record(SETTINGS, own, "unknown")
    assert (source.root, source.numerics, source.name) == (None, own, "this source")
    task = source.task(SETTINGS, tmp_path, tmp_path / "runs/a", None)
    assert (task.program, task.source, task.numerics, task.data) == (WORKER, None, own, None)
    assert list(tmp_path.iterdir()) == []


def test_a_record_of_a_commit_is_done_by_the_source_of_the_commit(tmp_path: Path, commit: str) -> None:
    source = Sources(tmp_path / "again").of_record(SETTINGS, "aaaabbbbcccc", commit)
    assert source.root is not None and source.name == f"the source of commit {commit}"
    assert (source.root / "leo_bench" / "provenance.py").read_text() == EARLY["provenance.py"]  # not today's
    target = tmp_path / "run"
    target.mkdir()
    place = LocalProcesses(1)
    place.start(source.task(SETTINGS, tmp_path, target, tmp_path))
    while not (ended := place.ended(0.05)):
        pass
    assert ended[0].code == 0, ended[0].task.log.read_text()
    settings, data = json.loads((target / "did.json").read_text())
    # what the source knows, and every setting that is not at its default, even if it does not know it
    assert settings == {"learner": "pixels", "n_train_episodes": 0, "latent_dim": 77, "dataset": "glyphs", "seed": 0}
    assert data == str(tmp_path)


def test_a_later_layout_is_found_too(tmp_path: Path) -> None:
    root = package(tmp_path, LATER)
    command = [sys.executable, "-P", str(AT_COMMIT), "digest", "leo", "digits"]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(root)}, capture_output=True, text=True)
    assert done.stdout == "leo-digits\n", done.stderr


@pytest.mark.parametrize(
    ("numerics", "recorded", "words"),
    [
        ("ffff", "{commit}", "commit {commit} has numerics digest aaaabbbbcccc, the record ffff, so another commit"),
        ("ffff", "{commit}+changes", "so changes that were not committed decided its numbers"),
        ("ffff", "unknown", "its record names no commit"),
        ("ffff", "--output=stolen", "its record names no commit"),
        ("ffff", "0123456789ab", "which this repository lacks; a shallow clone gets it by: git fetch --unshallow"),
    ],
)
def test_a_source_that_cannot_be_had_is_said(
    tmp_path: Path, commit: str, numerics: str, recorded: str, words: str
) -> None:
    known = Sources(tmp_path / "again")
    for _ in range(2):  # the answer is kept
        with pytest.raises(LeoBenchError) as error:
            known.of_record(SETTINGS, numerics, recorded.format(commit=commit))
        assert words.format(commit=commit) in str(error.value)
    assert not Path("stolen").exists()


def test_a_source_that_does_not_run_here_is_said(tmp_path: Path, commit: str) -> None:
    root = provenance.PACKAGE.parent
    (root / "leo_bench" / "provenance.py").write_text("import a_package_that_is_gone")
    git(root, "commit", "-qam", "broken")
    broken = git(root, "rev-parse", "--short=12", "HEAD")
    words = f"the source of commit {broken} cannot be run here: ModuleNotFoundError: No module named 'a_package_that_"
    with pytest.raises(LeoBenchError, match=words):
        Sources(tmp_path / "again").of_record(SETTINGS, "ffff", broken)


def test_outside_a_checkout_there_is_no_other_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources.provenance, "PACKAGE", tmp_path / "leo_bench")
    with pytest.raises(LeoBenchError, match="this is no checkout with git"):
        Sources(tmp_path / "again").of_record(SETTINGS, "ffff", "0123456789ab")
