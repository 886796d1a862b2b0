"""Commit and machine, as records name them."""

import socket
import subprocess
from pathlib import Path

import pytest

from leo_bench.running import provenance


def git(folder: Path, *arguments: str) -> str:
    own = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    return subprocess.run([*own, *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package in a folder of its own, outside git."""
    found = tmp_path / "checkout" / "leo_bench"
    found.mkdir(parents=True)
    (found / "__init__.py").write_text("X = 1")
    monkeypatch.setattr(provenance, "PACKAGE", found)
    return found


def commit_all(folder: Path) -> str:
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "m"]):
        git(folder, *command)
    return git(folder, "rev-parse", "--short=12", "HEAD")


def asked_first() -> str:
    """Return the commit as a new process does, which has not asked yet."""
    provenance._commit_of.cache_clear()
    return provenance.commit()


def test_commit_says_when_files_differ_from_it(package: Path) -> None:
    assert asked_first() == "unknown"
    clean = commit_all(package.parent)
    assert asked_first() == clean
    (package / "__init__.py").write_text("")
    assert provenance.commit() == clean  # of what this process has loaded
    assert asked_first() == clean + "+changes"


def test_the_commit_of_another_project_around_the_package_is_not_taken(package: Path) -> None:
    other = package.parent.parent
    (other / "notes.txt").write_text("mine")
    commit_all(other)  # tracks the package too, as a vendored copy
    assert provenance.commit() == "unknown"


def test_the_commit_of_a_repository_that_does_not_track_the_package_is_not_taken(package: Path) -> None:
    (package.parent / ".gitignore").write_text("leo_bench/")
    commit_all(package.parent)
    assert provenance.commit() == "unknown"


def test_git_variables_of_a_hook_do_not_name_another_repository(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "file").touch()
    commit_all(other)
    own = commit_all(package.parent)
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    assert provenance.commit() == own


def test_the_host_is_described_without_its_name() -> None:
    assert set(provenance.host()) - {"instructions"} == {"system", "processor", "cores", "memory_gb"}
    assert socket.gethostname() not in "".join(provenance.host().values()) or len(socket.gethostname()) < 4


def cpuinfo(monkeypatch: pytest.MonkeyPatch, text: str | None) -> dict[str, str]:
    """Return the description of a host whose /proc/cpuinfo has this text; None if it has no such file."""

    def read(path: Path, **_: object) -> str:
        assert path == Path("/proc/cpuinfo")
        if text is None:
            raise FileNotFoundError
        return text

    monkeypatch.setattr(Path, "read_text", read)
    return provenance.host()


@pytest.mark.parametrize(
    ("flags", "instructions"),
    [
        ("flags\t\t: fpu sse2 avx avx2 avx512f avx512bw", "AVX-512"),
        ("flags\t\t: fpu sse2 avx avx2", "AVX2"),
        ("flags\t\t: fpu sse2", None),
        ("Features\t: fp asimd sve", "SVE"),
        ("Features\t: fp asimd", "NEON"),
    ],
)
def test_two_generations_of_a_processor_with_one_name_are_told_apart(
    monkeypatch: pytest.MonkeyPatch, flags: str, instructions: str | None
) -> None:
    first = f"processor\t: 0\nmodel name\t: Some CPU: fast\n{flags}\n"
    found = cpuinfo(monkeypatch, f"{first}\nprocessor\t: 1\nmodel name\t: Other CPU\nflags\t\t: avx512f\n")
    assert found["processor"] == "Some CPU: fast"  # of the first core, as all are alike
    assert found.get("instructions") == instructions


def test_a_system_without_cpuinfo_names_no_instructions(monkeypatch: pytest.MonkeyPatch) -> None:
    found = cpuinfo(monkeypatch, None)
    assert "instructions" not in found and found["processor"]
