"""Outputs that cannot be written are named before any work."""

import os
from pathlib import Path

import pytest

from leo_bench.commands.cli import main
from leo_bench.errors import LeoBenchError
from leo_bench.records import write_atomic

COMMANDS = {
    "--csv": ["classify", "nowhere"],
    "--picture": ["classify", "nowhere"],
    "--figure": ["measure", "0123"],
    "--emit-preset": ["search", "none"],
}
FOLDERS = {
    "--sheets": ["data", "--dataset", "glyphs"],
    "--out": ["report", "nowhere"],
    "--models": ["publish-model", "none"],
    "--results": ["study", "none"],
    "--reports": ["study", "none"],
}


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Return the one line of a command that is refused."""
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    return error


@pytest.mark.parametrize("option", COMMANDS)
def test_a_folder_in_place_of_a_file(option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    error = refused(capsys, *COMMANDS[option], option, str(tmp_path))
    assert f"{option} {tmp_path} is a folder: expected a file; name a file, such as {tmp_path}/" in error


@pytest.mark.parametrize("option", FOLDERS)
def test_a_file_in_place_of_a_folder(option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    arguments = FOLDERS[option]
    error = refused(capsys, *arguments, option, str(tmp_path / "file"))
    assert f"{option}: {tmp_path / 'file'} is a file, expected a folder" in error
    error = refused(capsys, *arguments, option, str(tmp_path / "file/below"))
    assert f"{option}: cannot make the folder {tmp_path / 'file/below'}, since {tmp_path / 'file'} is a file" in error


@pytest.mark.parametrize("option", COMMANDS)
def test_a_file_of_another_kind_is_not_replaced(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = tmp_path / "tuned.safetensors"
    mine.write_bytes(b"weights")
    assert f"{option} {mine}: expected a file that ends with ." in refused(capsys, *COMMANDS[option], option, str(mine))
    assert mine.read_bytes() == b"weights"


def test_a_device_is_not_replaced(tmp_path: Path) -> None:
    device = tmp_path / "pipe"
    os.mkfifo(device)
    with pytest.raises(LeoBenchError, match="it is a device; name a file"):
        write_atomic(device, b"")
    assert device.is_fifo()


def test_writing_to_a_folder_asks_for_a_file(tmp_path: Path) -> None:
    with pytest.raises(LeoBenchError, match="it is a folder; name a file"):
        write_atomic(tmp_path, b"")
