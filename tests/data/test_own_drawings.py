"""Reading own drawings: classes are folders, and what does not fit is named in one line."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from leo_bench import read_drawings
from leo_bench.data.own_drawings import class_folders, query_folder
from leo_bench.data.prepare_drawing import prepare_drawing
from leo_bench.errors import LeoBenchError


def draw(path: Path, slope: int = 0) -> Path:
    """Write a picture of one line, at its slope."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.new("L", (60, 60), 255)
    ImageDraw.Draw(picture).line([(10, 30 - slope), (50, 30 + slope)], fill=0, width=4)
    picture.save(path)
    return path


@pytest.fixture
def alphabet(tmp_path: Path) -> Path:
    """Three pictures of class b, two of class a, and files that are no pictures."""
    for name in ("b/2.png", "b/10.jpg", "b/1.PNG", "a/1.png", "a/2.gif"):
        draw(tmp_path / "own" / name, 20 if name.startswith("a") else 0)
    (tmp_path / "own/a/notes.txt").write_text("mine")
    (tmp_path / "own/.hidden").mkdir()
    (tmp_path / "own/b/.dead.png").symlink_to(tmp_path / "nowhere")
    (tmp_path / "own/__MACOSX").mkdir()
    return tmp_path / "own"


def test_classes_are_folders_in_the_order_of_their_names(alphabet: Path) -> None:
    found = class_folders(alphabet)
    assert found.classes == ("a", "b")
    assert found.labels.tolist() == [0, 0, 1, 1, 1]
    assert [file.name for file in found.files] == ["1.png", "2.gif", "1.PNG", "10.jpg", "2.png"]
    assert np.array_equal(found.images[0], prepare_drawing(Image.open(alphabet / "a/1.png")))
    assert len(found.part(found.labels == 1)) == 3


def test_a_model_sees_ink_1_on_paper_0(alphabet: Path) -> None:
    images, labels, classes = read_drawings(alphabet)
    assert images.shape == (5, 1, 28, 28) and images.dtype == torch.float32
    assert labels.tolist() == [0, 0, 1, 1, 1] and classes == ("a", "b")
    assert images[:, 0, 0, 0].max() == 0 and 0.5 < images.max() <= 1
    large = read_drawings(alphabet, 105)[0]
    torch.testing.assert_close(large.mean((1, 2, 3)), images.mean((1, 2, 3)), rtol=0.02, atol=0)


def test_queries_are_numbered_as_the_support_classes(alphabet: Path, tmp_path: Path) -> None:
    draw(tmp_path / "query/b/1.png")
    assert query_folder(tmp_path / "query", ("a", "b")).labels.tolist() == [1]
    assert read_drawings(tmp_path / "query", classes=("a", "b"))[1].tolist() == [1]
    draw(tmp_path / "loose/1.png")
    assert query_folder(tmp_path / "loose", ("a", "b")).labels.tolist() == [-1]


def damage(alphabet: Path, fault: str) -> Path:
    """Bring a fault into the folder, and return the folder to read."""
    if fault == "missing":
        return alphabet / "nowhere"
    if fault == "a file":
        return alphabet / "a" / "1.png"
    if fault == "empty class":
        (alphabet / "c").mkdir()
    if fault == "one class":
        return draw(alphabet.parent / "one/only/1.png").parents[1]
    if fault == "no class":
        (alphabet.parent / "none").mkdir()
        return alphabet.parent / "none"
    if fault == "loose":
        draw(alphabet / "1.png")
    if fault == "nested":
        draw(alphabet / "b/more/1.png")
    if fault == "nested alone":
        (
            draw(alphabet.parent / "up/c/a/1.png"),
            draw(alphabet.parent / "up/c/b/1.png"),
            draw(alphabet.parent / "up/d/1.png"),
        )
        return alphabet.parent / "up"
    if fault == "one nested":
        draw(alphabet / "c/more/1.png")
    if fault == "heic":
        (alphabet / "a/IMG_3.HEIC").write_bytes(b"\0\0\0\x18ftypheic")
    if fault == "dead link":
        (alphabet / "a/3.png").symlink_to(alphabet / "nowhere.png")
    if fault == "dead class":
        (alphabet / "c").symlink_to(alphabet / "nowhere")
    if fault == "large":
        Image.new("1", (11000, 10000)).save(alphabet / "a/3.png")
    if fault == "huge":
        Image.new("1", (20000, 10000)).save(alphabet / "a/3.png")
    if fault == "nan":
        Image.fromarray(np.full((20, 20), np.nan, np.float32)).save(alphabet / "a/3.tif")
    if fault == "unreadable":
        (alphabet / "b/3.png").write_bytes(b"no picture")
    if fault == "cut off":
        content = (alphabet / "a/1.png").read_bytes()
        (alphabet / "a/3.png").write_bytes(content[: len(content) // 2])
    if fault == "white":
        Image.new("RGB", (30, 30), "white").save(alphabet / "a/3.png")
    return alphabet


FAULTS = {
    "missing": r"nowhere is not a folder",
    "a file": r"1\.png is not a folder",
    "empty class": r"own/c has no picture",
    "one class": r"one has 1 folder of pictures: expected at least 2",
    "no class": r"none has no folders of pictures: expected at least 2",
    "loose": r"own/1\.png lies beside the folders",
    "nested": r"own/b/more is a folder inside the folder of a class.*; move its pictures into .*own/b, or remove it",
    "nested alone": r"up/c/a is a folder inside the folder of a class.*; name the folder .*, such as .*/up/c$",
    "one nested": r"own/c/more is a folder inside .*; move its pictures into .*own/c, or remove it",
    "heic": r"own/a/IMG_3\.HEIC cannot be read as a picture \(it holds no PNG.*\); save it as PNG or JPEG",
    "dead link": r"own/a/3\.png cannot be read as a picture \(a link to nothing\)",
    "dead class": r"own/c cannot be read as a picture \(a link to nothing\)",
    "large": r"3\.png has 11000x10000 pixels: expected at most 100 million; make it smaller, or crop it$",
    "huge": r"3\.png has far more pixels: expected at most 100 million; make it smaller, or crop it$",
    "nan": r"3\.tif holds numbers that are not finite \(NaN or infinite\); save it with 8 or 16 bits a pixel$",
    "unreadable": r"own/b/3\.png cannot be read as a picture",
    "cut off": r"own/a/3\.png cannot be read as a picture",
    "white": r"own/a/3\.png shows no ink",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_does_not_fit_is_named_in_one_line(alphabet: Path, fault: str) -> None:
    with pytest.raises(LeoBenchError, match=FAULTS[fault]) as caught:
        class_folders(damage(alphabet, fault))
    assert "\n" not in str(caught.value)


def test_queries_of_an_unknown_class_and_no_queries_are_named(alphabet: Path, tmp_path: Path) -> None:
    with pytest.raises(LeoBenchError, match=r"own/a is no class of the support images: expected b, c"):
        query_folder(alphabet, ("b", "c"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(LeoBenchError, match="empty has no picture"):
        query_folder(tmp_path / "empty", ("a", "b"))


def test_what_a_file_holds_decides_and_not_its_name(alphabet: Path) -> None:
    content = (alphabet / "a/1.png").read_bytes()
    for name in ("3.jfif", "4.HEIC", "5"):
        (alphabet / "a" / name).write_bytes(content)
    (alphabet / "readme").write_text("mine")
    found = class_folders(alphabet)
    assert [file.name for file in found.files[:5]] == ["1.png", "2.gif", "3.jfif", "4.HEIC", "5"]
    assert [file.name for file in found.left_out] == ["readme", "notes.txt"]
    assert found.part(found.labels == 0).left_out == found.left_out


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"image_size": "28"}, "image_size is '28': expected a whole number of pixels"),
        ({"image_size": 0}, "image_size is 0: expected"),
        ({"image_size": 10**9}, "and at most 1,000"),
        ({"classes": ()}, "classes is empty: expected the names of classes, or None for all folders"),
        ({"classes": "ring"}, "classes is 'ring': expected several names"),
    ],
)
def test_what_is_no_size_and_no_names_is_refused(tmp_path: Path, more: dict[str, object], words: str) -> None:
    with pytest.raises(LeoBenchError, match=words):
        read_drawings(tmp_path, **more)  # type: ignore[arg-type]
