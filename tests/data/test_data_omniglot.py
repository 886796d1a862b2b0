"""Reading Omniglot: every form gives the same drawings, and every kind of damage is named."""

import hashlib
import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from omniglot_lookalike import SMALL, png, write_folders, write_zips
from PIL import Image

from leo_bench.data import omniglot
from leo_bench.data.bank import ImageBank
from leo_bench.data.locate import DataSource, locate
from leo_bench.errors import LeoBenchError

VICTIM = "images_background/Greek/character03/0010_07.png"


def readme_digest(files: dict[str, bytes], set_name: str) -> str:
    """The content digest as Omniglot's note defines it, in one line of bytes for each file."""
    chosen = sorted(path for path in files if path.startswith(f"{set_name}/"))
    lines = [path.encode("utf-8") + b"\0" + hashlib.sha256(files[path]).digest() for path in chosen]
    return hashlib.sha256(b"".join(lines)).hexdigest()


def read_damaged(files: dict[str, bytes], root: Path, form: str) -> str:
    """The error that reading files in a form ends with."""
    (write_zips if form == "zips" else write_folders)(files, root)
    with pytest.raises(LeoBenchError) as caught:
        omniglot.read(DataSource("omniglot", form, root), SMALL)
    message = str(caught.value)
    assert "\n" not in message
    assert str(root) in message
    return message


def test_every_form_gives_the_same_drawings(files: dict[str, bytes], tmp_path: Path) -> None:
    write_zips(files, tmp_path / "zips")
    write_folders(files, tmp_path / "folders")
    write_folders(files, tmp_path / "tv" / "omniglot-py")
    places = {"zips": "zips", "folders": "folders", "torchvision": "tv"}
    read = {form: omniglot.read(locate("omniglot", tmp_path / place), SMALL) for form, place in places.items()}
    first = read["zips"]
    for other in read.values():
        assert np.array_equal(first.images, other.images)
        assert (first.digest, first.alphabets, first.characters, first.background) == (
            other.digest,
            other.alphabets,
            other.characters,
            other.background,
        )


def test_drawings_are_the_files_inverted_and_in_order(files: dict[str, bytes], small_bank: ImageBank) -> None:
    assert small_bank.images.shape == (34, 20, 105, 105)
    assert small_bank.characters[:4] == (
        "Balinese/character01",
        "Balinese/character02",
        "Balinese/character03",
        "Early_Aramaic/character01",
    )
    assert small_bank.characters[-1] == "ULOG/character06"
    assert small_bank.alphabets == tuple(name.split("/")[0] for name in small_bank.characters)
    assert small_bank.background == (True,) * 24 + (False,) * 10
    for path, data in files.items():
        _, alphabet, character, name = path.split("/")
        index = small_bank.characters.index(f"{alphabet}/{character}")
        paper = np.asarray(Image.open(io.BytesIO(data)))  # bool, true where nothing is drawn
        drawn = small_bank.images[index, int(name[5:7]) - 1].numpy()
        assert np.array_equal(drawn == 0, paper)
        assert np.array_equal(drawn == 255, ~paper)


def test_the_digest_is_the_documented_one(files: dict[str, bytes], small_bank: ImageBank) -> None:
    digests = {set_name: readme_digest(files, set_name) for set_name in SMALL}
    assert small_bank.digest == omniglot.combine(digests)
    both = digests["images_background"] + digests["images_evaluation"]
    assert omniglot.combine(digests) == hashlib.sha256(both.encode()).hexdigest()


def test_the_digest_sees_one_changed_pixel_and_one_swap(files: dict[str, bytes], tmp_path: Path) -> None:
    changed = dict(files)
    pixels = np.asarray(Image.open(io.BytesIO(files[VICTIM]))).copy()
    pixels[104, 104] = False
    changed[VICTIM] = png(pixels)
    other = VICTIM.replace("_07", "_08")
    swapped = {**files, VICTIM: files[other], other: files[VICTIM]}
    digests = set()
    for number, variant in enumerate((files, changed, swapped)):
        write_zips(variant, tmp_path / str(number))
        digests.add(omniglot.read(DataSource("omniglot", "zips", tmp_path / str(number)), SMALL).digest)
    assert len(digests) == 3


def test_other_content_than_the_original_is_a_loud_notice(
    small_zips: DataSource, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, files: dict[str, bytes]
) -> None:
    omniglot.read(small_zips)
    err = capsys.readouterr().err
    assert err.count("NOTICE") == 2
    assert "not the original" in err
    monkeypatch.setattr(omniglot, "KNOWN_DIGESTS", {name: readme_digest(files, name) for name in SMALL})
    omniglot.read(small_zips)
    assert "NOTICE" not in capsys.readouterr().err


def test_what_systems_leave_behind_is_ignored(files: dict[str, bytes], small_bank: ImageBank, tmp_path: Path) -> None:
    junk = {
        "images_background/.DS_Store": b"x",
        "images_background/Greek/Thumbs.db": b"x",
        "images_evaluation/__MACOSX/ULOG/._0001_01.png": b"x",
    }
    write_folders(files | junk, tmp_path)
    write_zips(files | junk, tmp_path)
    for form in ("folders", "zips"):
        assert omniglot.read(DataSource("omniglot", form, tmp_path), SMALL).digest == small_bank.digest


@pytest.mark.parametrize("form", ["folders", "zips"])
class TestDamage:
    def test_missing_drawing(self, files: dict[str, bytes], tmp_path: Path, form: str) -> None:
        message = read_damaged({p: d for p, d in files.items() if p != VICTIM}, tmp_path, form)
        assert f"{VICTIM} is missing" in message
        assert "19 of 20" in message

    def test_missing_character(self, files: dict[str, bytes], tmp_path: Path, form: str) -> None:
        message = read_damaged({p: d for p, d in files.items() if "Greek/character03" not in p}, tmp_path, form)
        assert "images_background/Greek/character03/" in message
        assert "0 of 20" in message

    def test_truncated_drawing(self, files: dict[str, bytes], tmp_path: Path, form: str) -> None:
        message = read_damaged({**files, VICTIM: files[VICTIM][:200]}, tmp_path, form)
        assert f"{VICTIM} is not a readable PNG" in message

    def test_empty_file(self, files: dict[str, bytes], tmp_path: Path, form: str) -> None:
        assert f"{VICTIM} is not a readable PNG" in read_damaged({**files, VICTIM: b""}, tmp_path, form)

    def test_flipped_byte(self, files: dict[str, bytes], tmp_path: Path, form: str) -> None:
        data = bytearray(files[VICTIM])
        data[100] ^= 0xFF  # inside the compressed pixels
        assert f"{VICTIM} is not a readable PNG" in read_damaged({**files, VICTIM: bytes(data)}, tmp_path, form)

    def test_not_a_picture(self, files: dict[str, bytes], tmp_path: Path, form: str) -> None:
        message = read_damaged({**files, VICTIM: b"<html>not found</html>"}, tmp_path, form)
        assert f"{VICTIM} is not a readable PNG" in message

    def test_wrong_size(self, files: dict[str, bytes], tmp_path: Path, form: str) -> None:
        message = read_damaged({**files, VICTIM: png(np.ones((28, 30), dtype=bool))}, tmp_path, form)
        assert f"{VICTIM} is 30x28: expected 105x105" in message

    def test_foreign_alphabet(self, files: dict[str, bytes], tmp_path: Path, form: str) -> None:
        foreign = "images_background/Klingon/character01/0001_01.png"
        message = read_damaged({**files, foreign: files[VICTIM]}, tmp_path, form)
        assert f"{foreign} does not belong to Omniglot" in message

    def test_foreign_file(self, files: dict[str, bytes], tmp_path: Path, form: str) -> None:
        foreign = "images_evaluation/ULOG/character01/notes.txt"
        assert f"{foreign} does not belong" in read_damaged({**files, foreign: b"hello"}, tmp_path, form)

    def test_one_drawing_too_many(self, files: dict[str, bytes], tmp_path: Path, form: str) -> None:
        extra = VICTIM.replace("_07", "_21")
        assert f"{extra} is one drawing too many" in read_damaged({**files, extra: files[VICTIM]}, tmp_path, form)

    def test_drawing_of_another_character(self, files: dict[str, bytes], tmp_path: Path, form: str) -> None:
        stray = VICTIM.replace("0010_", "0099_")
        message = read_damaged({**files, stray: files[VICTIM]}, tmp_path, form)
        assert f"{stray} is one drawing too many" in message


def test_the_first_bad_file_is_named(files: dict[str, bytes], tmp_path: Path) -> None:
    later = VICTIM.replace("_07", "_15")
    assert VICTIM in read_damaged({**files, later: b"", VICTIM: b""}, tmp_path, "folders")


def test_damaged_zips(files: dict[str, bytes], tmp_path: Path) -> None:
    source = DataSource("omniglot", "zips", tmp_path)
    write_zips(files, tmp_path)
    whole = (tmp_path / "images_evaluation.zip").read_bytes()
    (tmp_path / "images_evaluation.zip").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(LeoBenchError, match=r"images_evaluation\.zip is not a readable zip"):
        omniglot.read(source, SMALL)
    broken = bytearray(whole)
    with zipfile.ZipFile(tmp_path / "images_background.zip") as archive:
        assert archive.testzip() is None
    offset = whole.index(b"ULOG/character01/0029_01.png") + 60  # inside that member's compressed bytes
    broken[offset] ^= 0xFF
    (tmp_path / "images_evaluation.zip").write_bytes(bytes(broken))
    with pytest.raises(LeoBenchError, match=r"images_evaluation\.zip:images_evaluation/ULOG/character01/0029_01\.png"):
        omniglot.read(source, SMALL)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads every file")
def test_unreadable_file(files: dict[str, bytes], tmp_path: Path) -> None:
    write_folders(files, tmp_path)
    (tmp_path / VICTIM).chmod(0)
    with pytest.raises(LeoBenchError, match=f"cannot read .*{VICTIM}"):
        omniglot.read(DataSource("omniglot", "folders", tmp_path), SMALL)


def test_the_listing_is_omniglots() -> None:
    listing = omniglot.omniglot_listing()
    assert [len(alphabets) for alphabets in listing.values()] == [30, 20]
    assert [sum(alphabets.values()) for alphabets in listing.values()] == [964, 659]


def test_the_real_data_has_the_published_digests(real_source: DataSource, real_bank: ImageBank) -> None:
    assert real_bank.digest == omniglot.combine(omniglot.KNOWN_DIGESTS)
    assert real_bank.images.shape == (1623, 20, 28, 28)
    for set_name, known in omniglot.KNOWN_DIGESTS.items():
        with omniglot.open_set(real_source, set_name) as (paths, read):
            assert readme_digest({path: read(path) for path in paths}, set_name) == known


def test_ink_is_the_smaller_part(real_bank: ImageBank) -> None:
    ink = real_bank.images[::20].float().mean() / 255
    assert 0.02 < ink < 0.2


def test_alphabets_that_are_symbolic_links_are_read(
    files: dict[str, bytes], small_bank: ImageBank, tmp_path: Path
) -> None:
    write_folders(files, tmp_path / "real")
    linked = tmp_path / "linked"
    (linked / "images_background").mkdir(parents=True)
    (linked / "images_evaluation").symlink_to(tmp_path / "real/images_evaluation")
    for alphabet in (tmp_path / "real/images_background").iterdir():
        (linked / "images_background" / alphabet.name).symlink_to(alphabet)
    source = DataSource("omniglot", "folders", linked)
    assert omniglot.read(source, SMALL).digest == small_bank.digest
    assert len(omniglot.fingerprint(source)) == 64


@pytest.mark.parametrize(
    ("name", "target", "words"),
    [
        ("Latin", "nowhere", "Latin links to nowhere, which is missing: mend or remove the link"),
        ("Latin", "../images_background", "Latin links to a folder that contains it: remove the link"),
    ],
)
def test_links_that_lead_nowhere_or_round_are_named(
    files: dict[str, bytes], tmp_path: Path, name: str, target: str, words: str
) -> None:
    write_folders({path: data for path, data in files.items() if "/Latin/" not in path}, tmp_path)
    (tmp_path / "images_background" / name).symlink_to(target)
    with pytest.raises(LeoBenchError, match=words):
        omniglot.read(DataSource("omniglot", "folders", tmp_path), SMALL)
