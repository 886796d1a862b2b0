"""Paths and TOML files as people write them."""

from pathlib import Path

import pytest

from leo_bench.commands.cli import main
from leo_bench.config.paths import as_typed
from leo_bench.config.toml_file import read_toml
from leo_bench.data.locate import cache_folder, locate
from leo_bench.errors import LeoBenchError


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own, which is not the working folder."""
    made, work = tmp_path / "home", tmp_path / "work"
    made.mkdir()
    work.mkdir()
    monkeypatch.setenv("HOME", str(made))
    monkeypatch.chdir(work)
    return made


def test_a_tilde_is_the_home_folder_wherever_a_path_is_given(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert as_typed("~/res") == home / "res"
    assert as_typed("a/~b") == Path("a/~b")
    assert main(["status", "--results=~/res"]) == 2
    assert f"no study in {home}/res/" in capsys.readouterr().err
    monkeypatch.setenv("LEO_BENCH_DATA", "~/nowhere")
    with pytest.raises(LeoBenchError, match=f"LEO_BENCH_DATA {home}/nowhere is not a folder"):
        locate("omniglot")
    monkeypatch.setenv("LEO_BENCH_CACHE", "~/cache")
    assert cache_folder() == home / "cache" / "leo_bench"
    drawn: list[Path] = []
    monkeypatch.setattr("leo_bench.commands.data.describe", lambda source: source.name)  # which takes long to draw
    monkeypatch.setattr("leo_bench.commands.data.load_images", lambda source, image_size: None)
    monkeypatch.setattr("leo_bench.commands.data.draw_sheets", lambda bank, folder: drawn.append(folder) or [])
    assert main(["data", "--dataset", "glyphs", "--sheets=~/sheets"]) == 0
    assert drawn == [home / "sheets"] and drawn[0].is_dir() and list(Path.cwd().iterdir()) == []


@pytest.mark.parametrize("typed", ["", "~nobody-of-this-name/res"])
def test_a_path_that_cannot_be_meant_is_refused(typed: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["status", "--results", typed])
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("error: argument --results: ")


TEXT = 'question = "Größe?"\n'


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\xef\xbb\xbf" + TEXT.encode(), "is in UTF-8 with a byte order mark, but TOML is UTF-8 without a mark"),
        (TEXT.encode("utf-16"), "is in UTF-16, but TOML is UTF-8"),
        (b"\xfe\xff" + TEXT.encode("utf-16-be"), "is in UTF-16"),
        (TEXT.encode("latin-1"), r"is not UTF-8, as TOML must be \(byte 15: invalid start byte\); save it as UTF-8"),
        (b"question = ", "is not valid TOML: "),
        (b"a = " + b"[" * 100_000, "is not valid TOML: its tables and lists are nested too deeply"),
        (b"a = " + b"9" * 5000, "is not valid TOML: a whole number has thousands of digits"),
        (b"a = [{b = 0x" + b"f" * 5000 + b"}]", "is not valid TOML: a whole number has more than 64 bits"),
        (b"a = 9223372036854775808", "a whole number has more than 64 bits"),
        (b"a = -9223372036854775809", "a whole number has more than 64 bits"),
    ],
)
def test_a_file_that_is_no_toml_says_why(tmp_path: Path, data: bytes, words: str) -> None:
    path = tmp_path / "s.toml"
    path.write_bytes(data)
    with pytest.raises(LeoBenchError, match=words) as raised:
        read_toml(path)
    assert str(raised.value).startswith(str(path)) and "\n" not in str(raised.value)


def test_whole_numbers_have_64_bits(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text("a = [-9223372036854775808, 9223372036854775807]\nb = true\nc = 1e300\n")
    assert read_toml(tmp_path / "s.toml") == {"a": [-(2**63), 2**63 - 1], "b": True, "c": 1e300}


@pytest.mark.parametrize("text", ["9" * 5000, "0x" + "f" * 5000, "[" * 100_000])
def test_a_setting_that_is_no_value_is_one_line(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--describe", "--set", f"latent_dim={text}"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ") and "latent_dim" in line and len(line) < 1000


@pytest.mark.parametrize("text", ["", "# nothing", "preset = []", "preset = {}", "preset = 3", 'preset = "none"'])
def test_a_preset_file_of_no_preset_is_one_line(tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "p.toml").write_text(f"{text}\n")
    assert main(["run", "--describe", "--preset", str(tmp_path / "p.toml")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "expected preset = NAME (" in line


def test_a_file_in_utf_8_is_read_in_any_locale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("locale.getpreferredencoding", lambda *_: "ascii")
    (tmp_path / "s.toml").write_bytes(TEXT.encode())
    assert read_toml(tmp_path / "s.toml") == {"question": "Größe?"}


def test_a_file_that_is_missing_or_a_folder_is_one_line(tmp_path: Path) -> None:
    for path, words in ((tmp_path / "none.toml", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(LeoBenchError, match=words):
            read_toml(path)
