"""README.md: its numbers are those of the published reports, it stays a front page, and links in the docs work."""

import re
import tomllib
from pathlib import Path

import pytest

from leo_bench.report.readme import headline, refresh_readme

ROOT = Path(__file__).parents[1]
OFFICIAL = ROOT / "reports" / "official"
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]


def write_report(folder: Path) -> Path:
    """A published report with two methods at one shot and one at five."""
    made = folder / "reports" / "official" / "s-cpu"
    (made / "tables").mkdir(parents=True)
    tests = ("5way_mixed", "20way_mixed", "20way_within_alphabet")
    columns = ["variant", "image_size", "n_seeds", "n_train_images"]
    columns += [f"{name}_{test}" for test in tests for name in ("accuracy", "low", "high")]
    tables = {
        "main": ",".join(columns)
        + "\ntuned,28,4,160000,0.9,0.88,0.92,0.8,0.79,0.81,0.7,0.69,0.71"
        + "\ndocumented,28,4,160000,0.2,0.19,0.21,,,,,,\n",
        "not-compared": ",".join(columns) + "\ntuned_5_shots,28,4,200000,0.99,0.985,0.995,0.95,0.945,0.955,,,\n",
    }
    for name, text in tables.items():
        (made / "tables" / f"{name}.csv").write_text(text)
    return made


def test_the_headline_table_by_hand(tmp_path: Path) -> None:
    head, line, *rows, empty, caption = headline(write_report(tmp_path), "link").splitlines()
    assert head.startswith("| test | the document's LEO | ")
    assert line.count("|") == head.count("|") == 7
    assert rows == [
        "| 5-way 1-shot | 20.0 | - | - | 90.0 (88.0 to 92.0) | - |",
        "| 20-way 1-shot | - | - | - | 80.0 (79.0 to 81.0) | - |",
        "| 20-way 1-shot, one alphabet | - | - | - | 70.0 (69.0 to 71.0) | - |",
        "| 5-way 5-shot | - | - | - | 99.0 (98.5 to 99.5) | - |",
        "| 20-way 5-shot | - | - | - | 95.0 (94.5 to 95.5) | - |",
    ]
    assert empty == ""
    assert "28x28 pixels, mean over 4 seeds" in caption
    assert "160,000 training images, 200,000 at five shots" in caption
    assert "(link/report.md)" in caption


def test_blocks_are_filled_between_their_marks_and_nothing_else_changes(tmp_path: Path) -> None:
    folder = write_report(tmp_path)
    readme = tmp_path / "README.md"
    readme.write_text(
        "before\n<!-- begin s-cpu:headline -->\nold\n<!-- end s-cpu:headline -->\nbetween\n"
        "<!-- begin s-cpu:unknown -->\nkept\n<!-- end s-cpu:unknown -->\n"
        "<!-- begin s-cpu-2:headline -->\nof another\n<!-- end s-cpu-2:headline -->\nafter\n"
    )
    assert refresh_readme(readme, folder)
    link = "reports/official/s-cpu"
    assert readme.read_text() == (
        f"before\n<!-- begin s-cpu:headline -->\n{headline(folder, link)}<!-- end s-cpu:headline -->\nbetween\n"
        "<!-- begin s-cpu:unknown -->\nkept\n<!-- end s-cpu:unknown -->\n"
        "<!-- begin s-cpu-2:headline -->\nof another\n<!-- end s-cpu-2:headline -->\nafter\n"
    )


def test_a_block_that_the_report_has_no_data_for_stays_as_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "s-cpu"
    folder.mkdir()
    readme = tmp_path / "README.md"
    text = "<!-- begin s-cpu:headline -->\nold\n<!-- end s-cpu:headline -->\n"
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
    ((folder, block, shown),) = found
    assert (folder, block) == ("presets-cpu", "headline")
    assert shown == headline(OFFICIAL / folder, f"reports/official/{folder}")


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
