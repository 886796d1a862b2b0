"""The digest of the source: what changes it and what does not."""

import subprocess
from pathlib import Path

import pytest

from leo_bench.running import provenance

SOURCE = '"""Doc."""\n\nX = 1  # one\n\n\ndef f(a: int) -> int:\n    """Doc of f."""\n    return a + 1\n'


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(provenance, "PACKAGE", tmp_path)
    (tmp_path / "train.py").write_text(SOURCE)
    (tmp_path / "cli.py").write_text("print()")
    return tmp_path


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("# one", "# eins", True),
        ('"""Doc."""', '"""Other words."""', True),
        ('    """Doc of f."""\n', "", True),
        ("a + 1", "(a\n            + 1)", True),
        ("a + 1", "a + 2", False),
        ("X = 1", "X = 2", False),
    ],
)
def test_only_what_is_computed_counts(package: Path, old: str, new: str, same: bool) -> None:
    before = provenance.numerics_digest()
    assert old in SOURCE
    (package / "train.py").write_text(SOURCE.replace(old, new))
    assert (provenance.numerics_digest() == before) is same


def test_only_what_decides_numbers_counts(package: Path) -> None:
    before = provenance.numerics_digest()
    (package / "cli.py").write_text("print(1)")
    assert provenance.numerics_digest() == before
    (package / "models").mkdir()
    (package / "models" / "new.py").write_text("Y = 1")
    assert provenance.numerics_digest() != before


def test_every_pattern_finds_a_file() -> None:
    for pattern in provenance.NUMERICS:
        assert list(provenance.PACKAGE.glob(pattern)), pattern


def test_commit_says_when_files_differ_from_it(package: Path) -> None:
    assert provenance.commit() == "unknown"
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "m"]):
        subprocess.run([*git, *command], cwd=package, check=True)
    clean = provenance.commit()
    assert len(clean) == 12
    (package / "train.py").write_text("")
    assert provenance.commit() == clean + "+changes"


def test_the_host_is_described_without_its_name() -> None:
    import socket

    assert set(provenance.host()) == {"system", "processor", "cores", "memory_gb"}
    assert socket.gethostname() not in "".join(provenance.host().values()) or len(socket.gethostname()) < 4
