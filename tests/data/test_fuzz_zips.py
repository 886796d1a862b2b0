"""Zips that are no copy of Omniglot: one line each, and nothing is unpacked."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from fuzzing import EXAMPLES, damaged_bytes, fuzz
from hypothesis import strategies as st
from omniglot_lookalike import png

from leo_bench.data import omniglot
from leo_bench.data.locate import SETS, DataSource
from leo_bench.errors import LeoBenchError

TINY = {"images_background": {"Greek": 1}, "images_evaluation": {"ULOG": 1}}
FIRST = "images_background/Greek/character01/0001_01.png"
SECRET = "kept"


def entries() -> dict[str, dict[str, bytes]]:
    """Set -> path -> file of a copy with one character in each set."""
    paper = np.ones((105, 105), dtype=bool)
    return {
        name: {f"{name}/{alphabet}/character01/0001_{n:02}.png": png(paper) for n in range(1, 21)}
        for name, (alphabet,) in TINY.items()
    }


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in files.items():
            archive.writestr(path, data)
    return buffer.getvalue()


@pytest.fixture
def copy(tmp_path: Path) -> DataSource:
    """A good copy as zips, beside a file that no reading may touch."""
    (tmp_path / "zips").mkdir()
    (tmp_path / "secret.png").write_text(SECRET)
    for name, files in entries().items():
        (tmp_path / "zips" / f"{name}.zip").write_bytes(zipped(files))
    return DataSource("omniglot", "zips", tmp_path / "zips")


def message_of(copy: DataSource) -> str:
    """Return the line that reading ends with; empty if it works. Holds that nothing is written."""
    assert copy.path is not None
    before = sorted(copy.path.parent.rglob("*"))
    message = ""
    try:
        omniglot.read(copy, TINY)
    except LeoBenchError as error:
        message = str(error)
        assert message and "\n" not in message
    assert sorted(copy.path.parent.rglob("*")) == before
    assert (copy.path.parent / "secret.png").read_text() == SECRET
    return message


def replace(copy: DataSource, files: dict[str, bytes]) -> None:
    assert copy.path is not None
    (copy.path / "images_background.zip").write_bytes(zipped(files))


def test_the_good_copy_is_read(copy: DataSource) -> None:
    assert message_of(copy) == ""


def test_a_name_that_is_not_utf_8_though_it_says_so_is_one_line(copy: DataSource) -> None:
    name = FIRST.replace("Greek", "Gr\u00e9ek")  # not ASCII, so zipfile marks the name as UTF-8
    data = zipped({**entries()["images_background"], name: b"x"})
    assert copy.path is not None
    (copy.path / "images_background.zip").write_bytes(data.replace("\u00e9".encode(), b"\xe9\xe9"))
    assert "is not a readable zip" in message_of(copy)


@pytest.mark.parametrize("path", ["/etc/passwd", "C:\\x.png", "images_background/Greek/character01/x/0001_01.png"])
def test_a_path_that_is_none_of_omniglot_is_refused(copy: DataSource, path: str) -> None:
    replace(copy, {**entries()["images_background"], path: b"x"})
    assert "does not belong to Omniglot" in message_of(copy)


def test_a_name_that_commands_the_terminal_is_shown_and_not_obeyed(copy: DataSource) -> None:
    replace(copy, {**entries()["images_background"], "a\nb\x1b[2J": b"x"})
    assert r".zip:a\nb\x1b[2J does not belong to Omniglot" in message_of(copy)


@pytest.mark.parametrize("path", ["../secret.png", "images_background/../../secret.png"])
def test_a_path_that_leads_out_of_the_zip_is_never_followed(copy: DataSource, path: str) -> None:
    replace(copy, {**entries()["images_background"], path: b"x"})
    assert message_of(copy) == ""  # passed over like other hidden files; message_of holds that the file is kept


def has_a_name(entry: str) -> bool:
    """Return True if zipfile can write an entry of this name: it cuts a name at a zero byte."""
    return bool(entry.partition("\0")[0])


@EXAMPLES
def test_a_zip_with_other_entries_is_one_line(copy: DataSource, n_examples: int) -> None:
    good = entries()["images_background"]
    names = st.one_of(
        st.sampled_from([*good]), st.text(max_size=20), st.sampled_from(["../x.png", f"{SETS[0]}/", "a//b"])
    )
    contents = st.one_of(st.binary(max_size=40), damaged_bytes(good[FIRST]))

    @fuzz(n_examples, st.dictionaries(names.filter(has_a_name), contents, min_size=1, max_size=3))
    def holds(changes: dict[str, bytes]) -> None:
        replace(copy, {**good, **changes})
        message_of(copy)


@EXAMPLES
def test_a_zip_with_other_bytes_is_one_line(copy: DataSource, n_examples: int) -> None:
    assert copy.path is not None
    place = copy.path / "images_background.zip"

    @fuzz(n_examples, damaged_bytes(place.read_bytes()))
    def holds(data: bytes) -> None:
        place.write_bytes(data)
        message_of(copy)


@pytest.mark.parametrize("side", [106, 3000])
def test_a_drawing_of_another_size_is_refused(copy: DataSource, side: int) -> None:
    replace(copy, {**entries()["images_background"], FIRST: png(np.ones((side, side), dtype=bool))})
    assert f"is {side}x{side}: expected 105x105" in message_of(copy)


def test_a_picture_that_would_fill_the_memory_is_not_expanded(copy: DataSource) -> None:
    """A PNG of a few kB whose header names 40,000 x 40,000 pixels, 1.6 GB."""
    drawing = bytearray(png(np.ones((105, 105), dtype=bool)))
    drawing[16:24] = (40_000).to_bytes(4, "big") * 2
    replace(copy, {**entries()["images_background"], FIRST: bytes(drawing)})
    assert "is 40000x40000: expected 105x105" in message_of(copy)


def test_a_file_that_would_fill_the_memory_is_not_expanded(copy: DataSource) -> None:
    replace(copy, {**entries()["images_background"], FIRST: bytes(100_001)})
    assert "has 100,001 bytes, a drawing at most 100,000" in message_of(copy)
