"""The bank: resizing, the cache on disk, and what happens when the cache is damaged or cannot be written."""

import io
import os
import sys
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
import torch
from omniglot_lookalike import png, write_folders, write_zips
from PIL import Image

from leo_bench.data import bank, omniglot
from leo_bench.data.bank import ImageBank, load_images
from leo_bench.data.locate import DataSource
from leo_bench.errors import LeoBenchError


@pytest.fixture
def no_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    """After this, only the cache can serve."""

    def fail(*args: object) -> NoReturn:
        raise AssertionError("the files were read again")

    monkeypatch.setattr(omniglot, "read", fail)


def same(first: ImageBank, second: ImageBank) -> bool:
    facts = [(b.name, b.digest, b.alphabets, b.characters, b.background) for b in (first, second)]
    return facts[0] == facts[1] and torch.equal(first.images, second.images)


def test_a_warm_load_reads_no_drawing(
    small_zips: DataSource, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    cold = load_images(small_zips, 28)
    assert cold.images.shape == (34, 20, 28, 28)
    assert cold.images.dtype == torch.uint8
    request.getfixturevalue("no_reading")
    assert same(load_images(small_zips, 28), cold)
    with pytest.raises(AssertionError, match="read again"):  # another size is another cache file
        load_images(small_zips, 32)


def test_changed_files_are_noticed(small_zips: DataSource, request: pytest.FixtureRequest) -> None:
    load_images(small_zips, 28)
    assert small_zips.path is not None
    zip_file = small_zips.path / "images_evaluation.zip"
    status = zip_file.stat()
    os.utime(zip_file, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    request.getfixturevalue("no_reading")
    with pytest.raises(AssertionError, match="read again"):
        load_images(small_zips, 28)


def test_two_copies_of_the_same_content_share_the_images(
    small_zips: DataSource, files: dict[str, bytes], tmp_path: Path
) -> None:
    write_folders(files, tmp_path / "copy")
    first = load_images(small_zips, 28)
    second = load_images(DataSource("omniglot", "folders", tmp_path / "copy"), 28)
    assert same(first, second)
    cache = tmp_path / "cache" / "leo_bench" / "images"
    assert len(list(cache.glob("*.safetensors"))) == 1
    assert len(list(cache.glob("*.digest"))) == 2


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "noise"])
def test_a_damaged_cache_is_rebuilt(
    small_zips: DataSource, tmp_path: Path, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    cold = load_images(small_zips, 28)
    (file,) = (tmp_path / "cache").rglob("*.safetensors")
    whole = file.read_bytes()
    flipped = bytearray(whole)
    flipped[-5] ^= 1
    file.write_bytes({"cut": whole[:-9], "flip": bytes(flipped), "empty": b"", "noise": b"\xff" * 5000}[damage])
    capsys.readouterr()
    assert same(load_images(small_zips, 28), cold)
    assert "damaged; rebuilding" in capsys.readouterr().err
    capsys.readouterr()
    assert same(load_images(small_zips, 28), cold)
    assert capsys.readouterr().err == ""  # whole again: served from the cache
    assert sorted(p.name for p in file.parent.iterdir()) == sorted(
        [file.name, *(p.name for p in file.parent.glob("*.digest"))]
    )  # no temporary files are left


def test_a_damaged_note_is_ignored(small_zips: DataSource, tmp_path: Path) -> None:
    cold = load_images(small_zips, 28)
    (note,) = (tmp_path / "cache").rglob("*.digest")
    note.write_bytes(b"\xff\xfe")
    assert same(load_images(small_zips, 28), cold)
    assert note.read_text() == cold.digest


def test_a_cache_that_cannot_be_made_is_done_without(
    small_zips: DataSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a_file").touch()
    monkeypatch.setenv("LEO_BENCH_CACHE", str(tmp_path / "a_file"))
    assert load_images(small_zips, 28).images.shape == (34, 20, 28, 28)
    assert "cannot write the image cache" in capsys.readouterr().err


def test_a_full_disk_is_done_without(
    small_zips: DataSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*args: object) -> NoReturn:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(bank, "save_file", full)
    assert load_images(small_zips, 28).images.shape == (34, 20, 28, 28)
    assert "No space left" in capsys.readouterr().err
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def test_the_original_size_is_kept(small_zips: DataSource, small_bank: ImageBank) -> None:
    assert same(load_images(small_zips, 105), small_bank)
    assert same(load_images(small_zips, 105), small_bank)  # from the cache


def test_resizing_is_pillows_antialiased_bilinear(small_zips: DataSource, small_bank: ImageBank) -> None:
    images = load_images(small_zips, 28).images
    for character, drawer in ((0, 0), (11, 7), (33, 19)):
        original = Image.fromarray(small_bank.images[character, drawer].numpy())
        expected = np.asarray(original.resize((28, 28), Image.Resampling.BILINEAR)).astype(int)
        assert np.abs(images[character, drawer].numpy().astype(int) - expected).max() <= 1


@pytest.mark.parametrize("size", [0, 106])
def test_sizes_that_make_no_sense_are_refused(small_zips: DataSource, size: int) -> None:
    with pytest.raises(LeoBenchError, match="expected 1 to 105"):
        load_images(small_zips, size)


def test_bad_data_is_never_cached(files: dict[str, bytes], small_zips: DataSource, tmp_path: Path) -> None:
    bad = {path: data if "0029_05" not in path else png(np.ones((9, 9), dtype=bool)) for path, data in files.items()}
    write_zips(bad, tmp_path / "small")
    with pytest.raises(LeoBenchError, match="0029_05"):
        load_images(small_zips, 28)
    assert not list((tmp_path / "cache").rglob("*.*"))


def test_a_warm_load_does_without_torchvision(small_zips: DataSource, monkeypatch: pytest.MonkeyPatch) -> None:
    load_images(small_zips, 28)
    monkeypatch.setitem(sys.modules, "torchvision.transforms.v2.functional", None)  # importing it now fails
    load_images(small_zips, 28)
    with pytest.raises(ImportError):
        load_images(small_zips, 29)


def test_png_helper_is_one_bit() -> None:
    with Image.open(io.BytesIO(png(np.ones((105, 105), dtype=bool)))) as image:
        assert image.mode == "1"


def test_another_version_of_torchvision_reads_and_resizes_the_drawings_again(
    small_zips: DataSource, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    cold = load_images(small_zips, 28)
    with monkeypatch.context() as patch:
        patch.setattr("leo_bench.data.bank.version", lambda package: "0.0.1")
        assert same(load_images(small_zips, 28), cold)
    request.getfixturevalue("no_reading")
    monkeypatch.setattr("leo_bench.data.bank.version", lambda package: "0.0.2")
    with pytest.raises(AssertionError, match="read again"):
        load_images(small_zips, 28)
