"""`leo-bench classify` on the drawings of the examples, and on folders that do not fit."""

import csv
import os
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from leo_bench.commands.cli import main
from leo_bench.figures.drawings import INCHES, AnswerGrid
from leo_bench.figures.style import PNG_DPI

DRAWINGS = Path(__file__).parents[2] / "examples" / "drawings"


def link(folder: Path, *names: str) -> Path:
    """Make a folder with the query pictures of some classes."""
    folder.mkdir()
    for name in names:
        (folder / name).symlink_to(DRAWINGS / "query" / name)
    return folder


def test_accuracy_answers_and_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["--csv", str(tmp_path / "a.csv"), "--picture", str(tmp_path / "a.png")]
    assert main(["classify", str(link(tmp_path / "own", "bowl", "comb", "gate")), *asked]) == 0
    out = capsys.readouterr().out
    assert "model tuned: 3 classes with 1 support image each, 6 to classify" in out
    rows = list(csv.DictReader((tmp_path / "a.csv").read_text().splitlines()))
    right = sum(row["class"] == row["answer"] for row in rows)
    assert len(rows) == 6 and right >= 5
    assert f"after adapting   {right} of 6 right" in out and "before adapting" in out
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.width > 2.5 * PNG_DPI


@pytest.mark.parametrize(
    ("option", "name", "message"),
    [
        ("--csv", "own/a.csv", "lies among the pictures of"),
        ("--picture", "own/bowl/a.png", "lies among the pictures of"),
        ("--picture", "query/a.png", "lies among the pictures of"),
        ("--csv", "tuned.safetensors", "expected a file that ends with .csv, such as answers.csv"),
        ("--picture", "a.csv", "expected a file that ends with .png, such as answers.png"),
    ],
)
def test_an_output_replaces_no_picture_and_no_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str, name: str, message: str
) -> None:
    own, query = link(tmp_path / "own", "comb"), link(tmp_path / "query", "bowl", "comb")
    (own / "bowl").mkdir()
    (tmp_path / name).write_bytes(b"mine")
    assert main(["classify", str(own), "--query", str(query), option, str(tmp_path / name)]) != 0
    assert message in capsys.readouterr().err
    assert (tmp_path / name).read_bytes() == b"mine"


def test_names_that_are_not_utf8_and_other_scripts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], recwarn: pytest.WarningsRecorder
) -> None:
    own = link(tmp_path / "own", "bowl", "comb")
    (own / "bowl").rename(own / os.fsdecode(b"b\xff"))
    (own / "comb").rename(own / "\u6f22\u5b57")
    asked = ["--csv", str(tmp_path / "a.csv"), "--picture", str(tmp_path / "a.png")]
    assert main(["classify", str(own), *asked]) == 0
    classes = {row["class"] for row in csv.DictReader((tmp_path / "a.csv").read_text().splitlines())}
    assert classes == {"b\\udcff", "\u6f22\u5b57"}
    assert "2 classes" in capsys.readouterr().out and not [one for one in recwarn if "Glyph" in str(one.message)]


def test_the_picture_has_room_for_its_heading() -> None:
    one = np.zeros((2, 28, 28), np.uint8)
    labels = np.array([0, 1])
    grid = AnswerGrid(["a", "b"], one, labels, one, labels, labels)
    figure = Figure(figsize=grid.size)
    ax = grid.draw(ax=figure.add_axes((0.0, 0.0, 1.0, 1.0)))
    (heading,) = [text for text in ax.texts if text.get_text().startswith("classified")]
    figure.set_size_inches(*(INCHES * side for side in grid.size))
    assert heading.get_window_extent().x1 <= figure.bbox.x1


def test_pictures_without_classes_get_an_answer_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = link(tmp_path / "own", "bowl", "comb")
    loose = tmp_path / "loose"
    loose.mkdir()
    (loose / "x.jpg").symlink_to(next((DRAWINGS / "support" / "comb").iterdir()))
    assert main(["classify", str(own), "--query", str(loose), "--model", "protonet"]) == 0
    out = capsys.readouterr().out
    assert "2 classes with 3 support images each, 1 to classify" in out and "right" not in out
    assert out.rstrip().endswith("x.jpg: comb")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--shots", "3"],
            "has no picture left to classify beside the support images; add pictures, lower --shots, or",
        ),
        (["--shots", "0"], "--shots is 0: expected at least 1"),
        (["--model", "none"], "no published model 'none'"),
        (["--query", "nowhere"], "nowhere is not a folder"),
    ],
)
def test_odd_requests_are_one_line(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["classify", str(link(tmp_path / "own", "bowl", "comb")), *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1


def test_support_images_among_the_queries_and_files_left_out_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = link(tmp_path / "own", "bowl", "comb")
    (own / "readme").write_text("mine")
    assert main(["classify", str(own), "--query", str(own), "--model", "protonet"]) == 0
    out = capsys.readouterr().out
    assert "6 of the 6 are support images too" in out
    assert f"left out, since they hold no picture: {own / 'readme'}\n" in out


def test_a_class_without_a_picture_to_classify_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = link(tmp_path / "own", "bowl", "comb")
    for name in ("gate", "hook"):
        (own / name).mkdir()
        (own / name / "one.png").symlink_to(next((DRAWINGS / "support" / name).iterdir()))
    assert main(["classify", str(own)]) == 0
    out = capsys.readouterr().out
    assert "4 classes with 1 support image each, 4 to classify" in out
    assert "2 classes have no picture to classify (gate and hook): accuracy is that of the others" in out


def test_one_picture_of_each_class_asks_for_more_pictures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("bowl", "comb"):
        (tmp_path / "own" / name).mkdir(parents=True)
        (tmp_path / "own" / name / "1.jpg").symlink_to(next((DRAWINGS / "support" / name).iterdir()))
    assert main(["classify", str(tmp_path / "own"), "--model", "protonet"]) == 2
    assert "add pictures, or name others with --query" in capsys.readouterr().err


def test_help_names_every_published_model(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["classify", "--help"])
    out = " ".join(capsys.readouterr().out.split())
    for model in (Path(__file__).parents[2] / "models").glob("*.safetensors"):
        assert model.stem in out
