"""Commit and machine, as records name them."""

import socket
import subprocess
from pathlib import Path

import pytest

from leo_bench.running import provenance


def test_commit_says_when_files_differ_from_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance, "PACKAGE", tmp_path)
    (tmp_path / "train.py").write_text("X = 1")
    assert provenance.commit() == "unknown"
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "m"]):
        subprocess.run([*git, *command], cwd=tmp_path, check=True)
    clean = provenance.commit()
    assert len(clean) == 12
    (tmp_path / "train.py").write_text("")
    assert provenance.commit() == clean + "+changes"


def test_the_host_is_described_without_its_name() -> None:
    assert set(provenance.host()) == {"system", "processor", "cores", "memory_gb"}
    assert socket.gethostname() not in "".join(provenance.host().values()) or len(socket.gethostname()) < 4
