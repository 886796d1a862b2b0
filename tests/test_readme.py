"""README.md: its numbers are those of the published reports, it stays a front page, and links in the docs work."""

import re
import tomllib
from pathlib import Path

import pandas as pd
import pytest

from leo_bench.report.readme import BLOCKS, INTERVAL, goals_block, methods_block, refresh_readme

ROOT = Path(__file__).parents[1]
OFFICIAL = ROOT / "reports" / "official"
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]


def write_report(folder: Path) -> Path:
    """A published report of four methods, with one test at other shots and one on other data."""
    made = folder / "reports" / "official" / "s-cpu"
    (made / "tables").mkdir(parents=True)
    columns = ["variant", "label", "k_shot", "image_size", "n_seeds", "n_train_images"]
    columns += [f"{name}_{test}" for test in ("5way_mixed", "20way_within_alphabet") for name in INTERVAL]
    tables = {
        "main": ",".join(columns)
        + "\ntuned,tuned,1,28,4,160000,0.9,0.88,0.92,0.7,0.69,0.71"
        + "\nprotonet,ProtoNet,1,28,4,160000,0.8,0.79,0.81,,,"
        + "\nmaml,MAML,1,28,2,160000,0.75,0.7,0.8,,,"
        + "\nother,other,1,28,9,160000,0.1,0.1,0.1,,,\n",
        "other-tests": "test,data,variant,accuracy,low_whole,high_whole"
        + "\n20-way 5-shot mixed,omniglot abc,tuned,0.95,0.945,0.955"
        + "\n20-way 5-shot mixed,glyphs def,tuned,0.5,0.4,0.6"
        + "\n20-way 5-shot mixed,glyphs def,protonet,0.4,0.4,0.4"
        + "\n20-way 5-shot mixed,glyphs def,protonet_copies,0.45,0.4,0.5\n",
        "cost": "variant,n_query_losses\ntuned,640000\nmaml,128000\n",
        "time": "variant,n_seeds,seconds_to_95,seconds\ntuned,3,12.76,76.6\nprotonet,2,13.8,71.7\n",
    }
    for name, text in tables.items():
        (made / "tables" / f"{name}.csv").write_text(text)
    return made


def test_the_table_of_goals_by_hand(tmp_path: Path) -> None:
    head, line, *rows, empty, caption = goals_block(write_report(tmp_path), "link").splitlines()
    assert head.startswith("| test | the document expects | `tuned` | ProtoNet, same recipe | ")
    assert line.count("|") == head.count("|") == 7
    assert rows == [
        "| 5-way 1-shot | 95 to 98 | 90.0 (88.0 to 92.0) | 80.0 | - | 99.47 |",
        "| 5-way 5-shot | 97 to 99 | - | - | - | 99.93 |",
        "| 20-way 1-shot | - | - | - | - | 97.65 |",
        "| 20-way 5-shot | - | 95.0 (94.5 to 95.5) | - | - | 99.33 |",
        "| 20-way 1-shot, one alphabet | - | 70.0 (69.0 to 71.0) | - | - | - |",
        "| 20-way 5-shot, one alphabet | - | - | - | - | - |",
        "| glyphs 20-way 5-shot | - | 50.0 (40.0 to 60.0) | 40.0 | 45.0 | - |",
        "| digits 10-way 5-shot | - | - | - | - | - |",
    ]
    assert empty == ""
    assert "28x28 pixels: mean over 4 seeds" in caption
    assert "160,000 training images" in caption
    assert "(link/report.md)" in caption


def test_the_sentence_on_other_methods_by_hand(tmp_path: Path) -> None:
    text = methods_block(write_report(tmp_path), "link")
    assert text.startswith("**95% accuracy on 5-way 1-shot validation after 13 seconds of one CPU core**")
    assert "`tuned`, 28x28 pixels, 3 seeds" in text
    assert (
        "all updates of `tuned` take 77 seconds. ProtoNet also reaches 95% in 14 seconds. After 160,000 images" in text
    )
    assert "`tuned` has 90.0% on test; " in text
    assert "on test; ProtoNet 80.0, MAML 75.0 (2 to 4 seeds, [report](link/report.md))." in text
    assert text.endswith("MAML is inductive, with 20% as many query losses as `tuned`.\n")


def test_the_sentence_names_no_time_if_95_percent_are_not_reached(tmp_path: Path) -> None:
    made = write_report(tmp_path)
    (made / "tables" / "time.csv").write_text("variant,n_seeds,seconds_to_95\ntuned,3,\n")
    assert methods_block(made, "link") == ""


def test_blocks_are_filled_between_their_marks_and_nothing_else_changes(tmp_path: Path) -> None:
    folder = write_report(tmp_path)
    readme = tmp_path / "README.md"
    readme.write_text(
        "before\n<!-- begin s-cpu:goals -->\nold\n<!-- end s-cpu:goals -->\nbetween\n"
        "<!-- begin s-cpu:methods -->\nold\n<!-- end s-cpu:methods -->\n"
        "<!-- begin s-cpu:unknown -->\nkept\n<!-- end s-cpu:unknown -->\n"
        "<!-- begin s-cpu-2:goals -->\nof another\n<!-- end s-cpu-2:goals -->\nafter\n"
    )
    assert refresh_readme(readme, folder)
    link = "reports/official/s-cpu"
    assert readme.read_text() == (
        f"before\n<!-- begin s-cpu:goals -->\n{goals_block(folder, link)}<!-- end s-cpu:goals -->\nbetween\n"
        f"<!-- begin s-cpu:methods -->\n{methods_block(folder, link)}<!-- end s-cpu:methods -->\n"
        "<!-- begin s-cpu:unknown -->\nkept\n<!-- end s-cpu:unknown -->\n"
        "<!-- begin s-cpu-2:goals -->\nof another\n<!-- end s-cpu-2:goals -->\nafter\n"
    )


@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_that_the_report_has_no_data_for_stays_as_it_was(tmp_path: Path, block: str) -> None:
    folder = tmp_path / "s-cpu"
    folder.mkdir()
    readme = tmp_path / "README.md"
    text = f"<!-- begin s-cpu:{block} -->\nold\n<!-- end s-cpu:{block} -->\n"
    readme.write_text(text)
    assert refresh_readme(readme, folder)
    assert readme.read_text() == text


def test_a_readme_without_marks_is_left_alone(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("mine")
    assert not refresh_readme(readme, tmp_path / "s-cpu")
    assert readme.read_text() == "mine"


def test_our_readme_shows_what_is_published() -> None:
    text = (ROOT / "README.md").read_text()
    found = re.findall(r"<!-- begin ([\w-]+):([\w-]+) -->\n(.*?)<!-- end \1:\2 -->", text, re.DOTALL)
    assert {(folder, block) for folder, block, _ in found} == {
        ("adaptation-cpu", "goals"),
        ("compare-cpu", "methods"),
    }
    for folder, block, shown in found:
        assert shown == BLOCKS[block](OFFICIAL / folder, f"reports/official/{folder}")


def test_our_readme_is_a_front_page() -> None:
    text = (ROOT / "README.md").read_text()
    assert len(text.encode()) <= 9 * 1024
    assert all(len(alt) < 200 for alt in re.findall(r"!\[(.*?)\]\(", text))


def test_the_citation_names_the_version_of_the_package() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_and_headings_that_exist(page: Path) -> None:
    for link in re.findall(r"\]\((?!https?://)([^)\s]+)\)", page.read_text()):
        path, _, heading = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if heading:
            assert heading in _headings(target), link


@pytest.mark.parametrize("page", [path for path in PAGES if path.name != "README.md"], ids=lambda path: path.stem)
def test_the_index_lists_every_page(page: Path) -> None:
    if page.parent.name == "docs":
        assert f"]({page.name})" in (ROOT / "docs" / "README.md").read_text()


def _headings(page: Path) -> set[str]:
    """Anchors of a Markdown page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_the_studies_that_train_on_validation_characters_are_named() -> None:
    (line,) = re.findall(r"- The studies (.*?) train on the\n", (ROOT / "README.md").read_text())
    named = set(re.findall(r"`(\w+)`", line))
    assert named == {
        table.parent.name.rpartition("-")[0]
        for table in (ROOT / "results" / "official").glob("*/runs.csv")
        if "trainval" in set(pd.read_csv(table)["train_classes"])
    }
